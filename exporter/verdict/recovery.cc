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

// Where recovery along the path needs WAL from: the oldest backup that is whole and kept, otherwise the oldest stored
// segment of the path.
std::optional<std::uint64_t> OldestNeeded(const ArchiveContents& contents, const ArchiveVerdict& verdict) {
  const auto size = *contents.wal.segment_size;
  std::optional<std::uint64_t> oldest;
  const auto earlier = [&](std::uint64_t number) { oldest = oldest ? std::min(*oldest, number) : number; };
  for (const auto& backup : contents.catalogue.backups) {
    const bool whole = backup.outcome == BackupOutcome::kDone && backup.flaws.empty();
    const auto* leg = verdict.path.On(backup.begin_timeline);
    if (!whole || !backup.begin || !backup.end || leg == nullptr || (leg->end && *backup.begin > *leg->end)) continue;
    earlier(backup.begin->bytes / size.bytes());
  }
  if (oldest) return oldest;
  for (std::size_t i = 0; i < verdict.path.legs().size(); ++i) {
    const auto next = contents.wal.stored.NextFrom(verdict.path.legs()[i].timeline, FirstNumber(verdict.path, i, size));
    const auto end = EndNumber(verdict.path, i, size);
    if (next && (!end || next->first <= *end)) earlier(next->first);
  }
  return oldest;
}

// Walks the intervals of the path from a number on and tells of the holes between them.
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
    const auto timeline = path_.legs()[index].timeline;
    const auto end = EndNumber(path_, index, size_);
    const auto first = std::max(next_, FirstNumber(path_, index, size_));
    for (auto interval = wal_.stored.NextFrom(timeline, 0); interval;
         interval = wal_.stored.NextFrom(timeline, interval->last + 1)) {
      if (interval->last < first) continue;
      if (end && interval->first > *end) break;
      if (interval->first > next_) Hole(*interval);
      next_ = std::max(next_, (end ? std::min(interval->last, *end) : interval->last) + 1);
    }
  }

  // From next_ up to what is stored behind it.
  void Hole(const wal::Interval& behind) {
    Gap gap;
    gap.first = path_.SegmentOf(next_, size_);
    gap.last = path_.SegmentOf(behind.first - 1, size_);
    gap.segments = behind.first - next_;
    gap.since = behind.first_stored;
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

bool EndsLater(const cluster::Backup& a, const cluster::Backup& b) { return a.end_time > b.end_time; }

void FindWindows(const ArchiveContents& contents, ArchiveVerdict& verdict) {
  const auto& backups = contents.catalogue.backups;
  std::array<std::optional<Window>, cluster::kBackupMethods> windows;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const auto& judged = verdict.backups[i];
    if (judged.state != BackupState::kRestorable || !judged.reach) continue;
    verdict.proven_end = std::max(verdict.proven_end, judged.reach);
    auto& window = windows[static_cast<std::size_t>(backups[i].method)];
    const bool older = window && *judged.reach == window->end && EndsLater(backups[window->from], backups[i]);
    if (!window || *judged.reach > window->end || older) window = Window{backups[i].method, i, *judged.reach};
  }
  for (const auto& window : windows) {
    if (window) verdict.windows.push_back(*window);
  }
}

// How many of [first, last] are not stored.
std::uint64_t Missing(const wal::SegmentSet& stored, std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
  if (first > last) return 0;
  auto missing = last - first + 1;
  for (const auto& interval : stored.Intervals(timeline)) {
    const auto from = std::max(first, interval.first);
    const auto to = std::min(last, interval.last);
    if (from <= to) missing -= to - from + 1;
  }
  return missing;
}

// The contiguous run that holds E, and what the path lacks behind it.
void FindRun(const ArchiveContents& contents, std::uint64_t oldest, ArchiveVerdict& verdict) {
  const auto size = *contents.wal.segment_size;
  const auto from = verdict.proven_end ? wal::Lsn{verdict.proven_end->bytes - 1} : wal::Lsn{oldest * size.bytes()};
  const auto chain = Follow(contents.wal.stored, verdict.path, from, size);
  // The proven end may lie inside a segment, at a switch beyond which there is no history.
  verdict.run_end = verdict.proven_end ? std::min(*verdict.proven_end, chain.end) : chain.end;
  verdict.run_stored = chain.last_stored;
  if (verdict.proven_end && verdict.proven_end->bytes > 0) {
    verdict.proven_timeline = verdict.path.SegmentOf((verdict.proven_end->bytes - 1) / size.bytes(), size).timeline;
  }
  const auto next = verdict.run_end->bytes / size.bytes();
  for (std::size_t i = 0; i + 1 < verdict.path.legs().size(); ++i) {
    const auto first = std::max(next, FirstNumber(verdict.path, i, size));
    const auto timeline = verdict.path.legs()[i].timeline;
    verdict.switch_missing_segments += Missing(contents.wal.stored, timeline, first, *EndNumber(verdict.path, i, size));
  }
}

// An old primary that goes on archiving where the path has left it.
void FindLateSegments(const ArchiveContents& contents, base::WallTime now, ArchiveVerdict& verdict) {
  const auto size = *contents.wal.segment_size;
  for (const auto& leg : verdict.path.legs()) {
    if (!leg.end) continue;
    const auto left = leg.end->bytes / size.bytes();
    for (const auto& interval : contents.wal.stored.Intervals(leg.timeline)) {
      if (interval.last <= left || now - interval.last_stored > kLately) continue;
      verdict.late_segments += interval.last - std::max(interval.first, left + 1) + 1;
    }
  }
}

void FindMissingHistories(const ArchiveContents& contents, ArchiveVerdict& verdict) {
  std::optional<std::uint32_t> oldest;
  for (std::size_t i = 0; i < verdict.backups.size(); ++i) {
    const auto timeline = contents.catalogue.backups[i].begin_timeline;
    if (verdict.backups[i].state != BackupState::kRestorable || timeline == 0) continue;
    oldest = oldest ? std::min(*oldest, timeline) : timeline;
  }
  const auto timelines = contents.wal.stored.Timelines();
  if (!oldest && timelines.empty()) return;
  for (auto timeline = oldest.value_or(timelines.empty() ? 1 : timelines.front()) + 1; timeline <= verdict.timeline;
       ++timeline) {
    const auto found = contents.wal.histories.find(timeline);
    if (found == contents.wal.histories.end() || !found->second.history) verdict.missing_histories.push_back(timeline);
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
  const auto timelines = contents.wal.stored.Timelines();
  if (!timelines.empty()) verdict.highest_timeline = timelines.back();
  if (!contents.wal.histories.empty())
    verdict.highest_timeline = std::max(verdict.highest_timeline, contents.wal.histories.rbegin()->first);
  verdict.backups = JudgeBackups(contents, path, now);
  FindWindows(contents, verdict);
  FindMissingHistories(contents, verdict);
  if (!contents.wal.segment_size) return verdict;
  if (const auto oldest = OldestNeeded(contents, verdict)) {
    verdict.gaps = Holes(contents, verdict.path, HolePendingFor(terms), now).From(*oldest);
    FindRun(contents, *oldest, verdict);
  }
  FindLateSegments(contents, now, verdict);
  return verdict;
}

}  // namespace pgvigil::verdict
