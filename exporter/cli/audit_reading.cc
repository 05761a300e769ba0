#include "cli/audit_reading.h"

#include <algorithm>

#include "archive/wal_reading.h"
#include "web/words.h"

namespace pgvigil::cli {
namespace {

using verdict::Soundness;

constexpr auto kRequestWithin = std::chrono::seconds(30);
constexpr int kSegmentsReadForCommit = 4;

class Auditor {
 public:
  Auditor(const std::string& cluster, const observe::ArchiveOptions& archive,
          const objectstore::Surroundings& surroundings, Progress& progress)
      : progress_(progress), clock_(*surroundings.clock), readings_(archive, surroundings) {
    audit_.cluster = cluster;
  }

  ArchiveAudit Read(const std::optional<ContentChoice>& content) {
    const bool read = ReadUntilHolesAreKnown();
    if (read && content && readings_.last().state.contents->proves) ReadContent(*content);
    audit_.reading = readings_.last();
    if (!read) return Unreadable(web::SpokenError(*audit_.reading.state.store.error));
    if (!Contents().proves)
      return Unreadable("it is a tool's own report, which shows no WAL: name the repository itself");
    Conclude();
    return std::move(audit_);
  }

 private:
  const cluster::ArchiveContents& Contents() const { return *audit_.reading.state.contents; }
  const verdict::ArchiveVerdict& Verdict() const { return *audit_.reading.verdict; }

  ArchiveAudit Unreadable(std::string why) {
    audit_.soundness = Soundness::kUnreadable;
    audit_.faults = {std::move(why)};
    return std::move(audit_);
  }

  // The first pass does not know where the path leads over holes: the next ones look there.
  bool ReadUntilHolesAreKnown() {
    archive::PassOptions pass;
    pass.everything = true;
    pass.progress = [this](std::uint64_t keys) {
      progress_.Show(readings_.options().place.name + ": " + web::Counted(keys, "file") + " of WAL listed");
    };
    pass.file = [this](const cluster::WalFile& file) { files_.push_back(file); };
    auto before = Unconfirmed(readings_.Next({}, pass));
    if (!readings_.last().state.store.up) return false;
    pass.everything = false;
    pass.file = nullptr;
    while (before > 0) {
      const auto& reading = readings_.Next({}, pass);
      if (!reading.state.store.up) return false;
      const auto now = Unconfirmed(reading);
      if (now >= before) break;
      before = now;
    }
    return true;
  }

  void ReadContent(const ContentChoice& choice) {
    const auto& reading = readings_.last();
    audit_.content_wanted = true;
    ContentPass pass(*readings_.reader(), reading, choice, clock_, progress_);
    audit_.contents = pass.ReadBackups();
    audit_.wal = pass.ReadWal(readings_.system_identifier());
    (void)readings_.WithFlaws({}, FlawsOf(audit_.contents, reading.state.contents->catalogue.backups.size()),
                              audit_.wal->damaged);
  }

  static std::size_t Unconfirmed(const observe::ArchiveReading& reading) {
    if (!reading.verdict) return 0;
    const auto& confirmed = reading.state.contents->wal.confirmed_missing;
    return static_cast<std::size_t>(std::count_if(reading.verdict->gaps.begin(), reading.verdict->gaps.end(),
                                                  [&](const auto& gap) { return !confirmed.contains(gap.first); }));
  }

  void Conclude() {
    const auto& contents = Contents();
    audit_.commit_error = readings_.commit_error();
    audit_.now = JudgeNow();
    audit_.branches = verdict::BranchesOf(contents, Verdict());
    audit_.costs = verdict::CostsOf(contents, Verdict());
    for (const auto& cost : audit_.costs) audit_.last_before.push_back(LastCommitBefore(cost.from));
    audit_.orphans = verdict::OrphansOf(contents, Verdict(), files_);
    auto faults = verdict::FaultsOf(contents, audit_.reading.state.terms, Verdict(), clock_.Wall());
    auto& unreadable = faults.unreadable;
    for (const auto& content : audit_.contents) {
      if (!content.error) continue;
      unreadable.push_back("the content of backup " + contents.catalogue.backups[content.backup].id +
                           " could not be read to its end: " + web::SpokenError(*content.error));
    }
    if (audit_.wal && audit_.wal->error)
      unreadable.push_back("the WAL could not be read to its end: " + web::SpokenError(*audit_.wal->error));
    if (audit_.commit_error)
      unreadable.push_back("the last commits could not be read: " + web::SpokenError(*audit_.commit_error));
    audit_.soundness = !faults.broken.empty()       ? Soundness::kBroken
                       : !faults.unreadable.empty() ? Soundness::kUnreadable
                                                    : Soundness::kSound;
    audit_.faults = std::move(faults.broken);
    audit_.faults.insert(audit_.faults.end(), unreadable.begin(), unreadable.end());
  }

  // As the exporter judges it, with no server to ask.
  verdict::ArchiveNow JudgeNow() const {
    cluster::ClusterState state;
    state.archives = {audit_.reading.state};
    const auto site = verdict::JudgeSite(state, {}, {}, {audit_.reading.verdict}, {}, clock_.Steady());
    return site.archives.front();
  }

  std::optional<base::WallTime> LastCommitBefore(wal::Lsn end) {
    archive::WalReading wal(*readings_.reader(), *Contents().wal.segment_size, kRequestWithin,
                            readings_.system_identifier());
    const auto found = wal.LastCommitBefore(Verdict().path, end, kSegmentsReadForCommit);
    if (!found.ok() && wal.damaged().empty()) audit_.commit_error = found.error();
    if (!found.ok() || !*found) return std::nullopt;
    return (*found)->at;
  }

  Progress& progress_;
  const base::Clock& clock_;
  observe::ArchiveReadings readings_;
  std::vector<cluster::WalFile> files_;  // of the first pass
  ArchiveAudit audit_;
};

}  // namespace

ArchiveAudit ReadForAudit(const std::string& cluster, const observe::ArchiveOptions& archive,
                          const objectstore::Surroundings& surroundings, const std::optional<ContentChoice>& content,
                          Progress& progress) {
  auto audit = Auditor(cluster, archive, surroundings, progress).Read(content);
  progress.Clear();
  return audit;
}

}  // namespace pgvigil::cli
