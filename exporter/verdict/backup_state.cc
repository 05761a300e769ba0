#include "verdict/backup_state.h"

#include <algorithm>
#include <chrono>
#include <map>

namespace pgvigil::verdict {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;

BackupVerdict Not(BackupState state, std::string why) { return {state, std::move(why), {}, {}}; }

std::string Joined(const std::vector<std::string>& flaws) {
  std::string text;
  for (const auto& flaw : flaws) text += (text.empty() ? "" : "; ") + flaw;
  return text;
}

std::optional<base::WallTime> Began(const Backup& backup) {
  return backup.begin_time ? backup.begin_time : backup.first_stored;
}

class Judge {
 public:
  Judge(const cluster::ArchiveContents& contents, const RecoveryPath& path, base::WallTime now)
      : backups_(contents.catalogue.backups),
        wal_(contents.wal),
        path_(path),
        now_(now),
        may_run_for_(MayRunFor(contents.catalogue)),
        verdicts_(backups_.size()) {
    for (std::size_t i = 0; i < backups_.size(); ++i) by_id_.emplace(backups_[i].id, i);
  }

  std::vector<BackupVerdict> All() {
    std::vector<BackupVerdict> result;
    for (std::size_t i = 0; i < backups_.size(); ++i) result.push_back(Of(i));
    return result;
  }

 private:
  // Each is judged once. One that refers to itself, over others or not, finds itself unfinished: broken.
  const BackupVerdict& Of(std::size_t index) {
    auto& verdict = verdicts_[index];
    if (verdict) return *verdict;
    verdict = Not(BackupState::kBroken, "it refers to itself");
    verdict = Decide(backups_[index]);
    return *verdict;
  }

  BackupVerdict Decide(const Backup& backup) {
    switch (backup.outcome) {
      case BackupOutcome::kFailed:
        return Not(BackupState::kFailed, backup.error.empty() ? "the tool calls it failed" : backup.error);
      case BackupOutcome::kUnreadable: return Not(BackupState::kBroken, "its metadata cannot be read: " + backup.error);
      case BackupOutcome::kStarted:
        if (MayStillRun(backup)) return Not(BackupState::kRunning, "begun, not ended yet");
        return Not(BackupState::kFailed, "it never ended: killed or interrupted");
      case BackupOutcome::kNoMetadata:
        if (MayStillRun(backup)) return Not(BackupState::kRunning, "files without metadata: may still be uploading");
        return Not(BackupState::kOrphan, "files without metadata");
      case BackupOutcome::kDone: break;
    }
    if (!backup.flaws.empty()) return Not(BackupState::kBroken, Joined(backup.flaws));
    if (backup.in_archive_tier) return Not(BackupState::kArchivedTier, "its files lie in an archive tier");
    for (const auto& id : backup.needs) {
      const auto needed = by_id_.find(id);
      if (needed == by_id_.end()) return Not(BackupState::kBroken, "it needs backup " + id + ", which is not there");
      const auto& of_needed = Of(needed->second);
      if (of_needed.state == BackupState::kArchivedTier) return Not(BackupState::kArchivedTier, of_needed.why);
      if (of_needed.state != BackupState::kRestorable)
        return Not(BackupState::kBroken, "it needs backup " + id + ", which is not restorable: " + of_needed.why);
    }
    return FollowWal(backup);
  }

  bool MayStillRun(const Backup& backup) const {
    const auto began = Began(backup);
    if (!began || now_ - *began > may_run_for_) return false;
    return std::none_of(backups_.begin(), backups_.end(), [&](const Backup& other) {
      return other.outcome == BackupOutcome::kDone && other.method == backup.method && Began(other) > began;
    });
  }

  // Whether the path of the cluster goes through all that was written while the backup was taken.
  bool OnPath(const Backup& backup) const {
    const auto lies_on = [&](std::uint32_t timeline, wal::Lsn lsn) {
      if (timeline > path_.path.timeline() && timeline <= path_.timeline) return true;  // where histories are missing
      const auto* leg = path_.path.On(timeline);
      return leg != nullptr && (!leg->end || lsn <= *leg->end);
    };
    return lies_on(backup.begin_timeline, *backup.begin) &&
           lies_on(std::max(backup.begin_timeline, backup.end_timeline), *backup.end);
  }

  BackupVerdict FollowWal(const Backup& backup) const {
    if (!backup.begin || !backup.end || backup.begin_timeline == 0)
      return backup.self_contained ? Restorable({}) : Not(BackupState::kBroken, "where its WAL begins is not known");
    if (!OnPath(backup)) {
      return Not(BackupState::kBroken, "taken on timeline " + std::to_string(backup.begin_timeline) + " up to " +
                                           wal::Format(*backup.end) + ", which is no part of the cluster's history");
    }
    if (!wal_.segment_size)
      return backup.self_contained ? Restorable(*backup.end)
                                   : Not(BackupState::kBroken, "no WAL is stored that it could be restored with");
    const auto reachable = ReachableFrom(backup.begin_timeline, path_, wal_);
    const auto from = backup.self_contained ? *backup.end : *backup.begin;
    const auto chain = Follow(wal_.stored, reachable.path, from, *wal_.segment_size);
    auto reach = chain.end;
    if (reachable.end) reach = std::min(reach, *reachable.end);
    if (backup.self_contained) return Restorable(std::max(reach, *backup.end));
    if (reach >= *backup.end) return Restorable(reach);
    return LacksWal(chain, reachable);
  }

  BackupVerdict LacksWal(const ChainEnd& chain, const Reachable& reachable) const {
    if (reachable.end && *reachable.end <= chain.end)
      return Not(BackupState::kBroken,
                 "the history of timeline " +
                     (reachable.missing_history ? std::to_string(*reachable.missing_history) : std::string("?")) +
                     ", on which it ends, is not stored");
    const auto name = wal::FileName(chain.first_missing, *wal_.segment_size);
    if (wal_.in_archive_tier.Contains(chain.first_missing))
      return Not(BackupState::kArchivedTier, "its WAL segment " + name + " lies in an archive tier");
    const bool bad = wal_.bad.contains(chain.first_missing);
    auto verdict = Not(BackupState::kBroken, "its WAL segment " + name + (bad ? " is cut short" : " is not stored"));
    verdict.first_missing = chain.first_missing;
    return verdict;
  }

  static BackupVerdict Restorable(std::optional<wal::Lsn> reach) { return {BackupState::kRestorable, {}, {}, reach}; }

  const std::vector<Backup>& backups_;
  const cluster::WalInventory& wal_;
  const RecoveryPath& path_;
  const base::WallTime now_;
  const base::Milliseconds may_run_for_;
  std::map<std::string, std::size_t> by_id_;
  std::vector<std::optional<BackupVerdict>> verdicts_;
};

}  // namespace

base::Milliseconds MayRunFor(const cluster::BackupCatalogue& catalogue) {
  std::vector<base::Milliseconds> durations;
  for (const auto& backup : catalogue.backups) {
    if (backup.outcome != BackupOutcome::kDone || !backup.begin_time || !backup.end_time) continue;
    durations.push_back(std::chrono::duration_cast<base::Milliseconds>(*backup.end_time - *backup.begin_time));
  }
  constexpr base::Milliseconds kLeast = std::chrono::hours(24);
  if (durations.empty()) return kLeast;
  const auto middle = durations.begin() + static_cast<std::ptrdiff_t>(durations.size() / 2);
  std::nth_element(durations.begin(), middle, durations.end());
  return std::max(kLeast, 3 * *middle);
}

std::vector<BackupVerdict> JudgeBackups(const cluster::ArchiveContents& contents, const RecoveryPath& path,
                                        base::WallTime now) {
  return Judge(contents, path, now).All();
}

}  // namespace pgvigil::verdict
