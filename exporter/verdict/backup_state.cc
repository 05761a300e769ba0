#include "verdict/backup_state.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

namespace pgvigil::verdict {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;

constexpr int kDeepest = 1000;  // backups that build on one another

BackupVerdict Not(BackupState state, std::string why) { return {state, std::move(why), {}, {}}; }

std::string Joined(const std::vector<std::string>& flaws) {
  std::string text;
  for (const auto& flaw : flaws) text += (text.empty() ? "" : "; ") + flaw;
  return text;
}

std::string IsBad(const cluster::BadSegment& bad) {
  return bad.damage.empty() ? " is empty or cut short" : " is damaged: " + bad.damage;
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
        verdicts_(backups_.size()),
        roots_(backups_.size()) {
    for (std::size_t i = 0; i < backups_.size(); ++i) {
      const auto& backup = backups_[i];
      by_id_.emplace(backup.id, i);
      roots_[i] = i;
      auto& newest = newest_done_[static_cast<std::size_t>(backup.method)];
      if (backup.outcome == BackupOutcome::kDone) newest = std::max(newest, Began(backup));
    }
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
    if (depth_ == kDeepest) return verdict.emplace(Not(BackupState::kBroken, "too many backups build on one another"));
    verdict = Not(BackupState::kBroken, "it refers to itself");
    ++depth_;
    verdict = Decide(index);
    --depth_;
    return *verdict;
  }

  BackupVerdict Decide(std::size_t index) {
    const auto& backup = backups_[index];
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
    if (IsForeign(backup, path_)) {
      return Not(BackupState::kBroken, "of another cluster: its system identifier is " + backup.system_identifier +
                                           ", expected " + path_.system_identifier);
    }
    if (backup.in_archive_tier) return Not(BackupState::kArchivedTier, "its files lie in an archive tier");
    if (auto lack = LacksNeeded(index)) return *std::move(lack);
    return FollowWal(backup);
  }

  // Why one of the backups that it refers to cannot be restored, told by the one at the root of it. One in an archive
  // tier only counts if nothing is wrong with the others: it can be had back.
  std::optional<BackupVerdict> LacksNeeded(std::size_t index) {
    std::optional<BackupVerdict> archived;
    for (const auto& id : backups_[index].needs) {
      const auto needed = by_id_.find(id);
      if (needed == by_id_.end()) return Not(BackupState::kBroken, "it needs backup " + id + ", which is not there");
      const auto state = Of(needed->second).state;
      if (state == BackupState::kRestorable) continue;
      const auto root = roots_[needed->second];
      auto why = "it needs backup " + backups_[root].id + ": " + verdicts_[root]->why;
      roots_[index] = root;
      if (state != BackupState::kArchivedTier) return Not(BackupState::kBroken, std::move(why));
      archived = Not(BackupState::kArchivedTier, std::move(why));
    }
    return archived;
  }

  bool MayStillRun(const Backup& backup) const {
    const auto began = Began(backup);
    return began && now_ - *began <= may_run_for_ && newest_done_[static_cast<std::size_t>(backup.method)] <= began;
  }

  BackupVerdict FollowWal(const Backup& backup) const {
    if (!backup.begin || !backup.end || backup.begin_timeline == 0)
      return backup.self_contained ? Restorable({}) : Not(BackupState::kBroken, "which WAL it needs is not known");
    if (!wal_.segment_size)
      return backup.self_contained ? Restorable(*backup.end)
                                   : Not(BackupState::kBroken, "no WAL is stored that it could be restored with");
    if (!IsOnPath(backup, path_)) {
      return Not(BackupState::kBroken, "taken on timeline " + std::to_string(backup.begin_timeline) + " up to " +
                                           wal::Format(*backup.end) + ", which is no part of the cluster's history");
    }
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
    if (reachable.end && *reachable.end <= chain.end) {
      const auto timeline = reachable.missing_history.value_or(path_.timeline);
      const bool unreadable = wal_.histories.contains(timeline);
      return Not(BackupState::kBroken, "it ends beyond the switch to timeline " + std::to_string(timeline) +
                                           ", whose history " + (unreadable ? "cannot be read" : "is not stored"));
    }
    const auto name = wal::FileName(chain.first_missing, *wal_.segment_size);
    if (wal_.in_archive_tier.Contains(chain.first_missing))
      return Not(BackupState::kArchivedTier, "its WAL segment " + name + " lies in an archive tier");
    const auto bad = wal_.bad.find(chain.first_missing);
    auto verdict = Not(BackupState::kBroken,
                       "its WAL segment " + name + (bad == wal_.bad.end() ? " is not stored" : IsBad(bad->second)));
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
  std::vector<std::size_t> roots_;  // of each that cannot be restored: the one it needs that is the reason, or itself
  std::array<std::optional<base::WallTime>, cluster::kBackupMethods> newest_done_;  // when it began
  int depth_ = 0;
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
