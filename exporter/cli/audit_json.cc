#include "cli/audit_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/version.h"
#include "wal/file_name.h"
#include "web/json.h"
#include "web/status_archive.h"
#include "web/words.h"

namespace pgvigil::cli {
namespace {

using verdict::Branch;
using web::Json;
using web::Put;

std::string_view Name(Branch::History history) {
  constexpr std::array<std::string_view, 4> kNames = {"none", "stored", "unreadable", "missing"};
  return kNames[static_cast<std::size_t>(history)];
}

void PutPosition(Json& object, const char* key, const std::optional<wal::Lsn>& position) {
  if (position) object[key] = wal::Format(*position);
}

Json SumJson(const verdict::Orphans::Sum& sum) { return {{"files", sum.files}, {"bytes", sum.bytes}}; }

class ArchiveJson {
 public:
  explicit ArchiveJson(const ArchiveAudit& audit) : audit_(audit), reading_(audit.reading) {}

  Json Make() const {
    const auto& state = reading_.state;
    Json json{{"cluster", base::ValidUtf8(audit_.cluster)}, {"archive", base::ValidUtf8(state.name)}};
    json["source"] = state.source;
    Put(json, "place", state.place);
    json["verdict"] = verdict::Name(audit_.soundness);
    json["faults"] = Json::array();
    for (const auto& fault : audit_.faults) json["faults"].push_back(base::ValidUtf8(fault));
    if (audit_.soundness == verdict::Soundness::kUnreadable) return json;
    json["read_at"] = web::Moment8601(Contents().began_at);
    if (Contents().wal.segment_size) json["segment_bytes"] = Contents().wal.segment_size->bytes();
    json["timelines"] = Json::array();
    for (const auto& branch : audit_.branches) json["timelines"].push_back(TimelineJson(branch));
    json["backups"] = Json::array();
    for (std::size_t i = 0; i < Contents().catalogue.backups.size(); ++i) json["backups"].push_back(BackupAt(i));
    if (audit_.content_wanted) {
      json["content"] = Json::array();
      for (const auto& content : audit_.contents) json["content"].push_back(ContentJson(content));
      if (audit_.wal) json["wal_content"] = WalContentJson(*audit_.wal);
    }
    json["gaps"] = Json::array();
    for (std::size_t i = 0; i < reading_.verdict->gaps.size(); ++i) json["gaps"].push_back(GapAt(i));
    json["orphans"] = OrphansJson();
    PutPosition(json, "proven_end", reading_.verdict->proven_end);
    json["windows"] = Json::array();
    for (std::size_t i = 0; i < reading_.verdict->windows.size(); ++i)
      json["windows"].push_back(web::WindowJson(reading_, audit_.now, i));
    if (audit_.commit_error) json["times_error"] = base::ValidUtf8(web::SpokenError(*audit_.commit_error));
    return json;
  }

 private:
  const cluster::ArchiveContents& Contents() const { return *reading_.state.contents; }
  std::string NameOf(const wal::Segment& segment) const { return web::SegmentName(reading_, segment); }
  std::string IdOf(std::size_t index) const { return base::ValidUtf8(Contents().catalogue.backups[index].id); }

  Json TimelineJson(const Branch& branch) const {
    Json json{{"timeline", branch.timeline}};
    Put(json, "parent", branch.parent);
    PutPosition(json, "begin", branch.begin);
    PutPosition(json, "left", branch.left);
    json["on_path"] = branch.on_path;
    json["history"] = Name(branch.history);
    const auto& wal = Contents().wal;
    json["stored"] = RunsJson(wal.stored, branch.timeline);
    if (auto cold = RunsJson(wal.in_archive_tier, branch.timeline); !cold.empty())
      json["in_archive_tier"] = std::move(cold);
    for (const auto& [segment, bad] : wal.bad) {
      if (segment.timeline != branch.timeline) continue;
      Json one{{"segment", NameOf(segment)}, {"bytes", bad.bytes}};
      Put(one, "damage", bad.damage);
      json["not_whole"].push_back(std::move(one));
    }
    for (const auto& [segment, stored] : wal.partial) {
      if (segment.timeline == branch.timeline) json["partial"].push_back(NameOf(segment));
    }
    return json;
  }

  Json RunsJson(const wal::SegmentSet& segments, std::uint32_t timeline) const {
    Json runs = Json::array();
    for (const auto& run : segments.Intervals(timeline)) {
      runs.push_back(
          {{"first", NameOf({timeline, run.first})}, {"last", NameOf({timeline, run.last})}, {"segments", run.size()}});
    }
    return runs;
  }

  Json BackupAt(std::size_t index) const {
    const auto& backup = Contents().catalogue.backups[index];
    auto json = web::BackupJson(reading_, index);
    Put(json, "place", backup.place);
    Put(json, "label", backup.label);
    PutPosition(json, "begin_lsn", backup.begin);
    PutPosition(json, "end_lsn", backup.end);
    if (backup.begin_timeline > 0) json["timeline"] = backup.begin_timeline;
    for (const auto& needed : backup.needs) json["needs"].push_back(base::ValidUtf8(needed));
    PutPosition(json, "reach", reading_.verdict->backups[index].reach);
    return json;
  }

  Json ContentJson(const archive::BackupContent& content) const {
    Json json{{"backup", IdOf(content.backup)}};
    if (!content.not_read.empty()) {
      json["not_read"] = base::ValidUtf8(content.not_read);
      return json;
    }
    json["files"] = content.files;
    json["bytes"] = content.bytes;
    json["findings"] = NotesJson(content.findings);
    json["findings_total"] = content.found;
    json["unchecked"] = NotesJson(content.unchecked);
    json["unchecked_total"] = content.not_checked;
    if (content.error) json["error"] = base::ValidUtf8(web::SpokenError(*content.error));
    return json;
  }

  Json WalContentJson(const WalContent& wal) const {
    Json json{{"segments", wal.files}, {"bytes", wal.bytes}, {"damaged", Json::array()}};
    for (const auto& [segment, damage] : wal.damaged)
      json["damaged"].push_back({{"segment", NameOf(segment)}, {"damage", base::ValidUtf8(damage)}});
    if (wal.error) json["error"] = base::ValidUtf8(web::SpokenError(*wal.error));
    return json;
  }

  static Json NotesJson(const std::vector<archive::ContentNote>& notes) {
    Json list = Json::array();
    for (const auto& note : notes)
      list.push_back({{"file", base::ValidUtf8(note.key)}, {"text", base::ValidUtf8(note.what)}});
    return list;
  }

  Json GapAt(std::size_t index) const {
    const auto& gap = reading_.verdict->gaps[index];
    auto json = web::GapJson(reading_, gap);
    if (gap.pending) return json;
    const auto& cost = audit_.costs[index];
    auto& lost = json["lost"];
    lost["after_lsn"] = wal::Format(cost.from);
    Put(lost, "after", audit_.last_before[index]);
    if (cost.resumes) {
      lost["until_backup"] = IdOf(*cost.resumes);
      Put(lost, "until", cluster::RestorableFrom(Contents().catalogue.backups[*cost.resumes]));
    }
    lost["backups_broken"] = IdsOf(cost.broken);
    lost["backups_stopped"] = IdsOf(cost.stopped);
    lost["backups_within"] = IdsOf(cost.within);
    return json;
  }

  Json IdsOf(const std::vector<std::size_t>& indices) const {
    Json ids = Json::array();
    for (const auto index : indices) ids.push_back(IdOf(index));
    return ids;
  }

  Json OrphansJson() const {
    const auto& orphans = audit_.orphans;
    return {{"backups", IdsOf(orphans.backups)},
            {"wal_before_backups", SumJson(orphans.before_backups)},
            {"wal_left_behind", SumJson(orphans.left_behind)},
            {"partial_segments", SumJson(orphans.partials)}};
  }

  const ArchiveAudit& audit_;
  const observe::ArchiveReading& reading_;
};

}  // namespace

std::string AuditJson(const std::vector<ArchiveAudit>& audits, base::WallTime at) {
  Json archives = Json::array();
  for (const auto& audit : audits) archives.push_back(ArchiveJson(audit).Make());
  const Json json{{"version", kVersion},
                  {"at", web::Moment8601(at)},
                  {"verdict", verdict::Name(WorstOf(audits))},
                  {"archives", std::move(archives)}};
  return json.dump(1) + "\n";
}

}  // namespace pgvigil::cli
