#include "verdict/recovery.h"

#include <algorithm>
#include <array>

#include "verdict/backup_state.h"
#include "verdict/chain.h"

namespace pgvigil::verdict {
namespace {

using cluster::ArchiveContents;
using cluster::BackupOutcome;

constexpr auto kLately = std::chrono::minutes(15);

bool IsWhole(const cluster::Backup& backup) { return backup.outcome == BackupOutcome::kDone && backup.flaws.empty(); }

// The oldest segment of the path that is stored.
std::optional<std::uint64_t> OldestStored(const wal::SegmentSet& stored, const wal::Path& path, wal::SegmentSize size) {
  std::optional<std::uint64_t> oldest;
  for (std::size_t i = 0; i < path.legs().size(); ++i) {
    for (const auto& interval : stored.Intervals(path.legs()[i].timeline)) {
      const auto first = std::max(interval.first, FirstNumber(path, i, size));
      if (first > interval.last) continue;
      if (first < EndNumber(path, i, size)) oldest = oldest ? std::min(*oldest, first) : first;
      break;
    }
  }
  return oldest;
}

// The newest segment of the path, up to `number`, that is stored.
std::optional<std::uint64_t> NewestStored(const wal::SegmentSet& stored, const wal::Path& path, wal::SegmentSize size,
                                          std::uint64_t number) {
  std::optional<std::uint64_t> newest;
  for (std::size_t i = 0; i < path.legs().size(); ++i) {
    const auto end = EndNumber(path, i, size);
    if (end == 0) continue;
    const auto first = FirstNumber(path, i, size);
    const auto last = std::min(number, end - 1);
    for (const auto& interval : stored.Intervals(path.legs()[i].timeline)) {
      if (std::max(interval.first, first) > std::min(interval.last, last)) continue;
      newest = std::max(newest, std::optional(std::min(interval.last, last)));
    }
  }
  return newest;
}

// From where on recovery along the path needs WAL: the oldest backup that is whole and kept. One that holds its own WAL
// needs what follows it. One that is kept to be restored as it is has had its WAL pruned behind it.
std::optional<std::uint64_t> OldestNeeded(const ArchiveContents& contents, const RecoveryPath& path) {
  const auto size = *contents.wal.segment_size;
  std::optional<std::uint64_t> oldest;
  for (const auto& backup : contents.catalogue.backups) {
    if (!IsWhole(backup) || !IsOnPath(backup, path) || backup.keep == "standalone") continue;
    const auto number = (backup.self_contained ? *backup.end : *backup.begin).bytes / size.bytes();
    oldest = oldest ? std::min(*oldest, number) : number;
  }
  return oldest;
}

// Walks the segments of the path that are there, from a number on, and tells of the holes between them.
class Holes {
 public:
  Holes(const ArchiveContents& contents, const wal::Path& path, base::Milliseconds pending_for, base::WallTime now)
      : wal_(contents.wal), path_(path), size_(*contents.wal.segment_size), pending_for_(pending_for), now_(now) {}

  std::vector<Gap> From(std::uint64_t number) {
    next_ = number;
    for (std::size_t i = 0; i < path_.legs().size(); ++i) Leg(i);
    return std::move(gaps_);
  }

 private:
  void Leg(std::size_t index) {
    const auto begin = FirstNumber(path_, index, size_);
    const auto end = EndNumber(path_, index, size_);
    for (const auto& interval : There(path_.legs()[index].timeline)) {
      const auto first = std::max(interval.first, begin);
      const auto behind = std::min(interval.last + 1, end);
      if (first >= behind) continue;
      if (first > next_) Hole(first, interval.first_stored);
      next_ = std::max(next_, behind);
    }
  }

  std::vector<wal::Interval> There(std::uint32_t timeline) const {
    auto intervals = wal_.stored.Intervals(timeline);
    const auto archived = wal_.in_archive_tier.Intervals(timeline);
    intervals.insert(intervals.end(), archived.begin(), archived.end());
    std::ranges::sort(intervals, {}, &wal::Interval::first);
    return intervals;
  }

  // From next_ up to the first that is there behind it.
  void Hole(std::uint64_t behind, base::WallTime stored) {
    Gap gap;
    gap.first = path_.SegmentOf(next_, size_);
    gap.last = path_.SegmentOf(behind - 1, size_);
    gap.segments = behind - next_;
    gap.since = stored;
    gap.pending = now_ - gap.since < pending_for_ || !wal_.confirmed_missing.contains(gap.first);
    gaps_.push_back(gap);
  }

  const cluster::WalInventory& wal_;
  const wal::Path& path_;
  const wal::SegmentSize size_;
  const base::Milliseconds pending_for_;
  const base::WallTime now_;
  std::uint64_t next_ = 0;
  std::vector<Gap> gaps_;
};

// Whether `a` is the better start of a window that both reach the end of: the one whose own end is known and earlier.
bool StartsEarlier(const cluster::Backup& a, const cluster::Backup& b) {
  return a.end_time && (!b.end_time || *a.end_time < *b.end_time);
}

void FindWindows(const ArchiveContents& contents, ArchiveVerdict& verdict) {
  const auto& backups = contents.catalogue.backups;
  std::array<std::optional<Window>, cluster::kBackupMethods> windows;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const auto& judged = verdict.backups[i];
    if (judged.state != BackupState::kRestorable || !judged.reach) continue;
    verdict.proven_end = std::max(verdict.proven_end, judged.reach);
    auto& window = windows[static_cast<std::size_t>(backups[i].method)];
    const bool earlier = window && *judged.reach == window->end && StartsEarlier(backups[i], backups[window->from]);
    if (!window || *judged.reach > window->end || earlier) window = Window{backups[i].method, i, *judged.reach};
  }
  for (const auto& window : windows) {
    if (window) verdict.windows.push_back(*window);
  }
}

// How many of a timeline's numbers from `first` up to, not including, `end` are in the set.
std::uint64_t CountWithin(const wal::SegmentSet& segments, std::uint32_t timeline, std::uint64_t first,
                          std::uint64_t end) {
  std::uint64_t count = 0;
  for (const auto& interval : segments.Intervals(timeline)) {
    const auto from = std::max(first, interval.first);
    const auto to = std::min(end, interval.last + 1);
    if (from < to) count += to - from;
  }
  return count;
}

// The contiguous run that holds E, and what the path lacks behind it.
void FindRun(const cluster::WalInventory& wal, std::optional<std::uint64_t> needed, ArchiveVerdict& verdict) {
  const auto size = *wal.segment_size;
  auto from = OldestStored(wal.stored, verdict.path, size);
  if (!from) from = needed;
  if (verdict.proven_end) {
    const auto before_end = (verdict.proven_end->bytes - 1) / size.bytes();
    from = NewestStored(wal.stored, verdict.path, size, before_end).value_or(before_end);
    verdict.proven_timeline = verdict.path.At({verdict.proven_end->bytes - 1}).timeline;
  }
  if (!from) return;
  const auto chain = Follow(wal.stored, verdict.path, {*from * size.bytes()}, size);
  verdict.run_end = chain.end;
  verdict.run_stored = chain.last_stored;
  const auto next = verdict.run_end->bytes / size.bytes();
  for (std::size_t i = 0; i + 1 < verdict.path.legs().size(); ++i) {
    const auto timeline = verdict.path.legs()[i].timeline;
    const auto first = std::max(next, FirstNumber(verdict.path, i, size));
    const auto end = EndNumber(verdict.path, i, size);
    if (first >= end) continue;
    verdict.switch_missing_segments += end - first - CountWithin(wal.stored, timeline, first, end) -
                                       CountWithin(wal.in_archive_tier, timeline, first, end);
  }
}

// Somebody who goes on archiving where the path has left a timeline, or on one that it never went over.
void FindLateSegments(const cluster::WalInventory& wal, base::WallTime now, ArchiveVerdict& verdict) {
  for (const auto& interval : wal.stored.Intervals()) {
    const auto* leg = verdict.path.On(interval.timeline);
    if (interval.timeline > verdict.timeline || now - interval.last_stored > kLately) continue;
    if (leg != nullptr && !leg->end) continue;
    // The segment that holds the switch may be either side's.
    const auto size = wal.segment_size->bytes();
    const auto beyond = leg == nullptr ? 0 : leg->end->bytes / size + (leg->end->bytes % size == 0 ? 0 : 1);
    if (interval.last >= beyond) verdict.late_segments += interval.last - std::max(interval.first, beyond) + 1;
  }
}

// Those from the oldest whole backup on; without one, from the oldest timeline stored.
void FindMissingHistories(const ArchiveContents& contents, const RecoveryPath& path, ArchiveVerdict& verdict) {
  std::optional<std::uint32_t> oldest;
  for (const auto& backup : contents.catalogue.backups) {
    if (!IsWhole(backup) || !IsOnPath(backup, path)) continue;
    oldest = oldest ? std::min(*oldest, backup.begin_timeline) : backup.begin_timeline;
  }
  const auto timelines = contents.wal.stored.Timelines();
  if (!oldest && !timelines.empty()) oldest = timelines.front();
  if (!oldest) return;
  const auto& histories = contents.wal.histories;
  constexpr auto kMost = ArchiveVerdict::kMostHistories;
  for (auto before = *oldest; before < verdict.timeline && verdict.missing_histories.size() < kMost; ++before) {
    if (!histories.contains(before + 1)) verdict.missing_histories.push_back(before + 1);
  }
  for (auto file = histories.upper_bound(*oldest); file != histories.upper_bound(verdict.timeline); ++file) {
    if (!file->second.history && verdict.unreadable_histories.size() < kMost)
      verdict.unreadable_histories.push_back(file->first);
  }
}

}  // namespace

std::string_view Name(BackupState state) {
  constexpr std::array<std::string_view, kBackupStates> kNames = {"restorable", "broken", "failed",
                                                                  "running",    "orphan", "archived_tier"};
  return kNames[static_cast<std::size_t>(state)];
}

base::Milliseconds HolePendingFor(const cluster::ArchiveTerms& terms) {
  return std::max<base::Milliseconds>(2 * terms.listing_interval, std::chrono::minutes(5));
}

ArchiveVerdict JudgeArchive(const ArchiveContents& contents, const cluster::ArchiveTerms& terms, const KnownPath& known,
                            base::WallTime now) {
  ArchiveVerdict verdict;
  const auto path = FindPath(contents.wal, known);
  verdict.path = path.path;
  verdict.timeline = path.timeline;
  verdict.highest_timeline = HighestStored(contents.wal);
  verdict.backups = JudgeBackups(contents, path, now);
  FindWindows(contents, verdict);
  FindMissingHistories(contents, path, verdict);
  if (!contents.wal.segment_size) return verdict;
  const auto needed = OldestNeeded(contents, path);
  const auto from = needed ? needed : OldestStored(contents.wal.stored, verdict.path, *contents.wal.segment_size);
  if (from) verdict.gaps = Holes(contents, verdict.path, HolePendingFor(terms), now).From(*from);
  FindRun(contents.wal, needed, verdict);
  FindLateSegments(contents.wal, now, verdict);
  return verdict;
}

}  // namespace pgvigil::verdict
