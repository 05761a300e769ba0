#include "scrape/families_archive.h"

#include <algorithm>
#include <array>
#include <string>

#include "scrape/families_source.h"

namespace pgvigil::scrape {
namespace {

using metrics::Descriptor;
using metrics::Families;
using metrics::Scope;
using metrics::Type;
using observe::ArchiveReading;
using observe::ClusterView;

using Labels = std::string_view;
constexpr std::array<Labels, 1> kArchive = {"archive"};
constexpr std::array<Labels, 2> kArchiveEvidence = {"archive", "evidence"};
constexpr std::array<Labels, 2> kArchiveKind = {"archive", "kind"};
constexpr std::array<Labels, 2> kArchiveMethod = {"archive", "method"};
constexpr std::array<Labels, 3> kArchiveMethodState = {"archive", "method", "state"};
constexpr std::array<Labels, 3> kArchiveMethodType = {"archive", "method", "type"};
constexpr std::array<Labels, 3> kArchiveMethodEvidence = {"archive", "method", "evidence"};
constexpr std::array<Labels, 4> kArchiveMethodTypeEvidence = {"archive", "method", "type", "evidence"};

enum Family : std::size_t {
  kArchives,
  kEffective,
  kBacklogSegments,
  kBacklogBytes,
  kLastWal,
  kGaps,
  kMissingSegments,
  kMissingHistories,
  kTimeline,
  kHighestTimeline,
  kSwitchMissing,
  kConflicts,
  kClockSkew,
  kRetention,
  kBackups,
  kLastSuccess,
  kLastFailure,
  kLastDuration,
  kLastSize,
  kUsualDuration,
  kUsualSize,
  kOldest,
  kWindowStart,
  kWindowEnd,
  kFamilies
};

constexpr Descriptor Gauge(Labels name, std::span<const Labels> labels, Labels help) {
  return {name, Type::kGauge, Scope::kCluster, labels, help};
}

// In the order of Family.
constexpr std::array<Descriptor, kFamilies> kDescriptors = {{
    Gauge("pgvigil_cluster_archives", {}, "Archives that are configured for the cluster"),
    Gauge(
        "pgvigil_archive_effective", kArchive,
        "1 if what the primary reports as archived is in the archive, 0 if it is not there 60 s later; absent without "
        "a report since the last promotion"),
    Gauge("pgvigil_archive_backlog_segments", kArchive,
          "Whole segments that the primary has written behind the end of the archive's contiguous WAL"),
    Gauge("pgvigil_archive_backlog_bytes", kArchive,
          "WAL between the end of the archive's contiguous WAL and the primary's flush position, in bytes"),
    Gauge("pgvigil_archive_last_wal_timestamp_seconds", kArchiveEvidence,
          "When WAL was last archived, in Unix seconds: server, by pg_stat_archiver; store, the upload of the newest "
          "segment of the contiguous WAL"),
    Gauge("pgvigil_archive_gaps", kArchive,
          "Holes in the WAL that recovery along the cluster's history would stop at, each confirmed by a direct look"),
    Gauge("pgvigil_archive_missing_segments", kArchive, "Segments that these holes consist of"),
    Gauge("pgvigil_archive_missing_histories", kArchive,
          "Timeline history files that recovery needs and the archive lacks"),
    Gauge("pgvigil_archive_timeline_id", kArchive, "Timeline on which the proven WAL ends"),
    Gauge("pgvigil_archive_highest_timeline_id", kArchive, "Highest timeline of any WAL or history in the archive"),
    Gauge("pgvigil_archive_switch_missing_segments", kArchive,
          "Segments of ended timelines that recovery needs up to where they were left, and the archive lacks"),
    Gauge("pgvigil_archive_conflicts", kArchiveKind,
          "Signs of another writer into the same place: stranger, system identifiers that are not the cluster's; "
          "timeline, segments on timelines that are not the cluster's; position, segments that the primary has not "
          "written yet"),
    Gauge("pgvigil_archive_clock_skew_seconds", kArchive, "The store's clock less the exporter's, in seconds"),
    Gauge("pgvigil_archive_retention_seconds", kArchive, "How long backups are to be kept as declared, in seconds"),
    Gauge("pgvigil_backups", kArchiveMethodState, "Backups in the archive by what they are worth"),
    Gauge("pgvigil_backup_last_success_timestamp_seconds", kArchiveMethodTypeEvidence,
          "When the newest backup ended, in Unix seconds: proof, of those that are restorable; claim, of those that "
          "the tool calls done"),
    Gauge("pgvigil_backup_last_failure_timestamp_seconds", kArchiveMethodType,
          "When the newest failed backup began, in Unix seconds; absent where the tool leaves no record of one"),
    Gauge("pgvigil_backup_last_duration_seconds", kArchiveMethodType, "How long the newest backup took, in seconds"),
    Gauge("pgvigil_backup_last_size_bytes", kArchiveMethodType, "What the newest backup takes in the store, in bytes"),
    Gauge("pgvigil_backup_usual_duration_seconds", kArchiveMethodType,
          "Median duration of up to ten backups before the newest, in seconds"),
    Gauge("pgvigil_backup_usual_size_bytes", kArchiveMethodType,
          "Median size in the store of up to ten backups before the newest, in bytes"),
    Gauge("pgvigil_backup_oldest_timestamp_seconds", kArchiveMethod,
          "When the oldest backup that is kept ended, in Unix seconds"),
    Gauge("pgvigil_recovery_window_start_timestamp_seconds", kArchiveMethodEvidence,
          "Earliest moment that can be restored without a hole up to the end, in Unix seconds"),
    Gauge("pgvigil_recovery_window_end_timestamp_seconds", kArchiveMethodEvidence,
          "Latest moment that can be restored: every commit before it is in the archive, in Unix seconds"),
}};

constexpr std::array<Labels, 1> kOperation = {"operation"};
constexpr std::array kRequests = {
    Descriptor{"pgvigil_objectstore_requests_total", Type::kCounter, Scope::kExporter, kOperation,
               "Requests sent to object stores and for their credentials: they cost money"},
};

// One archive's samples under one identity.
class ArchiveFamilies {
 public:
  ArchiveFamilies(const ClusterView& view, std::size_t index, const std::string& identity, Families& families)
      : view_(view),
        reading_(*view.archives[index]),
        now_(view.site.archives[index]),
        name_(reading_.state.name),
        identity_(identity),
        families_(families) {}

  void Add() {
    AddSourceFamilies(reading_.state.store, identity_, reading_.state.source, name_, families_);
    if (reading_.state.terms.retention) Value(kRetention, base::Seconds(*reading_.state.terms.retention));
    if (reading_.state.clock_skew) Value(kClockSkew, base::Seconds(*reading_.state.clock_skew));
    Time(kLastWal, {name_, "server"}, view_.site.server_archived);
    if (!now_.known) return;
    AddBackups();
    if (!reading_.state.contents->proves) return;
    AddWal();
    AddStates();
    AddWindows();
  }

 private:
  void Value(Family family, double value) { families_.Add(kDescriptors[family], identity_, {name_}, value); }
  template <typename Number>
  void Known(Family family, const std::optional<Number>& value) {
    if (value) Value(family, static_cast<double>(*value));
  }
  void Time(Family family, std::initializer_list<std::string_view> labels, const std::optional<base::WallTime>& time) {
    if (time) families_.Add(kDescriptors[family], identity_, labels, base::UnixSeconds(*time));
  }

  void AddWal() {
    const auto& verdict = *reading_.verdict;
    Known(kEffective, now_.effective);
    Known(kBacklogSegments, now_.backlog_segments);
    Known(kBacklogBytes, now_.backlog_bytes);
    Time(kLastWal, {name_, "store"}, verdict.run_stored);
    std::uint64_t gaps = 0, missing = 0;
    for (const auto& gap : verdict.gaps) {
      if (gap.pending) continue;
      ++gaps;
      missing += gap.segments;
    }
    Value(kGaps, static_cast<double>(gaps));
    Value(kMissingSegments, static_cast<double>(missing));
    Value(kMissingHistories, static_cast<double>(verdict.missing_histories.size()));
    Value(kSwitchMissing, static_cast<double>(verdict.switch_missing_segments));
    Value(kHighestTimeline, verdict.highest_timeline);
    Known(kTimeline, verdict.proven_timeline);
    if (!now_.conflicts) return;
    const auto conflict = [&](std::string_view kind, std::uint64_t count) {
      families_.Add(kDescriptors[kConflicts], identity_, {name_, kind}, static_cast<double>(count));
    };
    conflict("stranger", now_.conflicts->strangers);
    conflict("timeline", now_.conflicts->timeline);
    conflict("position", now_.conflicts->position);
  }

  void AddBackups() {
    for (const auto& method : reading_.backups->methods)
      Time(kOldest, {name_, cluster::Name(method.method)}, method.oldest_done);
    for (const auto& type : reading_.backups->types) AddType(type);
  }

  void AddStates() {
    for (const auto& method : reading_.backups->methods) {
      const auto name = cluster::Name(method.method);
      for (std::size_t state = 0; state < method.states.size(); ++state) {
        families_.Add(kDescriptors[kBackups], identity_,
                      {name_, name, verdict::Name(static_cast<verdict::BackupState>(state))}, method.states[state]);
      }
    }
  }

  void AddType(const verdict::BackupsOfType& backups) {
    const auto method = cluster::Name(backups.method);
    const auto type = cluster::Name(backups.type);
    Time(kLastSuccess, {name_, method, type, "proof"}, backups.last_proven);
    Time(kLastSuccess, {name_, method, type, "claim"}, backups.last_claimed);
    Time(kLastFailure, {name_, method, type}, backups.last_failure);
    const auto value = [&](Family family, const std::optional<double>& number) {
      if (number) families_.Add(kDescriptors[family], identity_, {name_, method, type}, *number);
    };
    value(kLastDuration, backups.last_seconds);
    value(kLastSize, backups.last_bytes);
    value(kUsualDuration, backups.usual_seconds);
    value(kUsualSize, backups.usual_bytes);
  }

  void AddWindows() {
    const auto& windows = reading_.verdict->windows;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto method = cluster::Name(windows[i].method);
      const auto& from = reading_.state.contents->catalogue.backups[windows[i].from];
      Time(kWindowStart, {name_, method, "proof"}, cluster::RestorableFrom(from));
      Time(kWindowEnd, {name_, method, "proof"}, now_.window_ends[i]);
    }
  }

  const ClusterView& view_;
  const ArchiveReading& reading_;
  const verdict::ArchiveNow& now_;
  const std::string& name_;
  const std::string& identity_;
  Families& families_;
};

}  // namespace

void AddArchiveFamilies(const ClusterView& view, Families& families) {
  const auto identity = metrics::Identity(view.state.name.space, view.state.name.name, {});
  families.Add(kDescriptors[kArchives], identity, {}, static_cast<double>(view.archives.size()));
  for (std::size_t i = 0; i < view.archives.size(); ++i) ArchiveFamilies(view, i, identity, families).Add();
}

void AddRequestFamilies(const objectstore::RequestCounts& counts, Families& families) {
  for (std::size_t i = 0; i < objectstore::kOperations; ++i) {
    const auto operation = static_cast<objectstore::Operation>(i);
    families.Add(kRequests[0], {}, {objectstore::Name(operation)}, static_cast<double>(counts.Of(operation)));
  }
}

std::span<const Descriptor> ArchiveDescriptors() { return kDescriptors; }
std::span<const Descriptor> RequestDescriptors() { return kRequests; }

}  // namespace pgvigil::scrape
