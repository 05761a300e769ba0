#include "verdict/audit.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "verdict/chain.h"

namespace pgvigil::verdict {
namespace {

using cluster::ArchiveContents;
using cluster::BackupOutcome;

std::set<std::uint32_t> TimelinesOf(const ArchiveContents& contents, const ArchiveVerdict& verdict) {
  std::set<std::uint32_t> timelines;
  const auto& wal = contents.wal;
  for (const auto* segments : {&wal.stored, &wal.in_archive_tier}) {
    for (const auto timeline : segments->Timelines()) timelines.insert(timeline);
  }
  for (const auto& [segment, bad] : wal.bad) timelines.insert(segment.timeline);
  for (const auto& [segment, stored] : wal.partial) timelines.insert(segment.timeline);
  for (const auto& [timeline, file] : wal.histories) {
    timelines.insert(timeline);
    if (!file.history) continue;
    for (const auto& left : file.history->switches) timelines.insert(left.parent);
  }
  if (timelines.empty()) return timelines;
  for (const auto& leg : verdict.path.legs()) timelines.insert(leg.timeline);
  return timelines;
}

// Where each timeline began, by its own history, that of a descendant, or the path.
std::map<std::uint32_t, wal::Switch> BeginsOf(const ArchiveContents& contents, const wal::Path& path) {
  std::map<std::uint32_t, wal::Switch> begins;
  for (const auto& [timeline, file] : contents.wal.histories) {
    if (!file.history) continue;
    const auto& switches = file.history->switches;
    for (std::size_t i = 0; i + 1 < switches.size(); ++i) begins.try_emplace(switches[i + 1].parent, switches[i]);
    if (!switches.empty()) begins.insert_or_assign(timeline, switches.back());
  }
  for (std::size_t i = 1; i < path.legs().size(); ++i) {
    const auto& leg = path.legs()[i];
    begins.try_emplace(leg.timeline, wal::Switch{path.legs()[i - 1].timeline, leg.begin, {}});
  }
  return begins;
}

Branch::History HistoryOf(const ArchiveContents& contents, std::uint32_t timeline) {
  if (timeline == 1) return Branch::History::kNeedsNone;
  const auto file = contents.wal.histories.find(timeline);
  if (file == contents.wal.histories.end()) return Branch::History::kMissing;
  return file->second.history ? Branch::History::kStored : Branch::History::kUnreadable;
}

bool IsRestorable(const BackupVerdict& judged) { return judged.state == BackupState::kRestorable; }

std::string CountOf(std::uint64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

void FindBackupFaults(const ArchiveContents& contents, const ArchiveVerdict& verdict, Faults& faults) {
  const auto& backups = verdict.backups;
  if (backups.empty()) {
    faults.broken.emplace_back("it holds no backup");
    return;
  }
  std::uint64_t denied = 0, broken = 0;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (contents.catalogue.backups[i].denied)
      ++denied;
    else if (backups[i].state == BackupState::kBroken)
      ++broken;
  }
  if (denied > 0) faults.unreadable.push_back(CountOf(denied, "backup") + " may not be read: permission denied");
  if (std::none_of(backups.begin(), backups.end(), IsRestorable)) {
    if (denied == 0)
      faults.broken.emplace_back("no backup is restorable");
    else
      faults.unreadable.emplace_back("no backup that may be read is restorable");
  }
  if (broken > 0) faults.broken.push_back(CountOf(broken, "broken backup"));
  const auto newest = backups.back().state;
  if (newest == BackupState::kFailed || newest == BackupState::kOrphan)
    faults.broken.push_back("the newest backup, " + contents.catalogue.backups.back().id + ", did not come to its end");
}

// There, where the proven WAL ends: nothing behind it makes a gap of it. A young one may still be written.
void FindBadEnd(const ArchiveContents& contents, const cluster::ArchiveTerms& terms, const ArchiveVerdict& verdict,
                base::WallTime now, Faults& faults) {
  const auto& wal = contents.wal;
  const auto end = verdict.proven_end ? verdict.proven_end : verdict.run_end;
  if (!end || !wal.segment_size) return;
  const auto size = *wal.segment_size;
  const auto next = wal.bad.find(verdict.path.SegmentOf(end->bytes / size.bytes(), size));
  if (next == wal.bad.end() || std::ranges::any_of(verdict.gaps, [&](const auto& gap) {
        return gap.first <= next->first && next->first <= gap.last;
      }))
    return;
  const auto& bad = next->second;
  auto what = "WAL segment " + wal::FileName(next->first, size) + ", where the proven WAL ends, ";
  if (!bad.damage.empty())
    faults.broken.push_back(what + "is damaged: " + bad.damage);
  else if (now - bad.stored >= HolePendingFor(terms))
    faults.broken.push_back(what + "is empty or cut short: a recovery that reads it stops with an error");
}

// Number of the first segment that any backup needs.
std::optional<std::uint64_t> OldestNeeded(const ArchiveContents& contents, wal::SegmentSize size) {
  std::optional<std::uint64_t> oldest;
  for (const auto& backup : contents.catalogue.backups) {
    const auto& begin = backup.self_contained ? backup.end : backup.begin;
    if (!begin || backup.outcome == BackupOutcome::kFailed) continue;
    const auto number = begin->bytes / size.bytes();
    oldest = oldest ? std::min(*oldest, number) : number;
  }
  return oldest;
}

bool IsPartialUnneeded(const ArchiveContents& contents, const ArchiveVerdict& verdict, const wal::Segment& segment) {
  const auto& stored = contents.wal.stored;
  const auto read = verdict.path.SegmentOf(segment.number, *contents.wal.segment_size);
  return stored.Contains(segment) || stored.Contains(read) || verdict.path.On(segment.timeline) == nullptr;
}

}  // namespace

std::vector<Branch> BranchesOf(const ArchiveContents& contents, const ArchiveVerdict& verdict) {
  const auto begins = BeginsOf(contents, verdict.path);
  std::vector<Branch> branches;
  for (const auto timeline : TimelinesOf(contents, verdict)) {
    Branch branch;
    branch.timeline = timeline;
    if (const auto begin = begins.find(timeline); begin != begins.end()) {
      branch.parent = begin->second.parent;
      branch.begin = begin->second.at;
    }
    if (const auto* leg = verdict.path.On(timeline)) {
      branch.on_path = true;
      branch.left = leg->end;
    }
    branch.history = HistoryOf(contents, timeline);
    branches.push_back(branch);
  }
  return branches;
}

std::vector<GapCost> CostsOf(const ArchiveContents& contents, const ArchiveVerdict& verdict) {
  std::vector<GapCost> costs;
  if (!contents.wal.segment_size) return costs;
  const auto size = *contents.wal.segment_size;
  for (const auto& gap : verdict.gaps) {
    GapCost cost;
    cost.from = wal::Start(gap.first, size);
    const wal::Lsn behind{(gap.last.number + 1) * size.bytes()};
    for (std::size_t i = 0; i < verdict.backups.size(); ++i) {
      const auto& judged = verdict.backups[i];
      const auto& missing = judged.first_missing;
      if (missing && missing->number >= gap.first.number && missing->number <= gap.last.number)
        cost.broken.push_back(i);
      if (!IsRestorable(judged) || !judged.reach) continue;
      const auto& end = contents.catalogue.backups[i].end;
      const bool within = end && *end > cost.from && *judged.reach <= behind;
      if (within) cost.within.push_back(i);
      if (within || *judged.reach == cost.from) cost.stopped.push_back(i);
      if (within || !end || *end <= cost.from) continue;
      const bool first = !cost.resumes || *end < *contents.catalogue.backups[*cost.resumes].end;
      if (first) cost.resumes = i;
    }
    costs.push_back(std::move(cost));
  }
  return costs;
}

Orphans OrphansOf(const ArchiveContents& contents, const ArchiveVerdict& verdict,
                  const std::vector<cluster::WalFile>& files) {
  Orphans orphans;
  for (std::size_t i = 0; i < verdict.backups.size(); ++i) {
    if (verdict.backups[i].state == BackupState::kOrphan) orphans.backups.push_back(i);
  }
  if (!contents.wal.segment_size) return orphans;
  const auto size = *contents.wal.segment_size;
  const auto oldest = OldestNeeded(contents, size);
  for (const auto& file : files) {
    const auto& segment = file.segment;
    const bool before = oldest && segment.number < *oldest;
    auto* sum = before ? &orphans.before_backups : nullptr;
    if (verdict.path.SegmentOf(segment.number, size) != segment) sum = &orphans.left_behind;
    if (file.partial) sum = before || IsPartialUnneeded(contents, verdict, segment) ? &orphans.partials : nullptr;
    if (sum == nullptr) continue;
    ++sum->files;
    sum->bytes += file.bytes;
  }
  return orphans;
}

std::string_view Name(Soundness soundness) {
  constexpr std::array<std::string_view, 3> kNames = {"sound", "broken", "unreadable"};
  return kNames[static_cast<std::size_t>(soundness)];
}

Faults FaultsOf(const ArchiveContents& contents, const cluster::ArchiveTerms& terms, const ArchiveVerdict& verdict,
                base::WallTime now) {
  Faults faults;
  FindBackupFaults(contents, verdict, faults);
  FindBadEnd(contents, terms, verdict, now, faults);
  std::uint64_t segments = 0, gaps = 0;
  for (const auto& gap : verdict.gaps) {
    if (gap.pending) continue;
    ++gaps;
    segments += gap.segments;
  }
  if (gaps > 0) faults.broken.push_back(CountOf(segments, "WAL segment") + " missing in " + CountOf(gaps, "gap"));
  for (const auto timeline : verdict.missing_histories)
    faults.broken.push_back("the history of timeline " + std::to_string(timeline) + " is not stored");
  for (const auto timeline : verdict.unreadable_histories)
    faults.broken.push_back("the history of timeline " + std::to_string(timeline) + " cannot be read");
  if (verdict.switch_missing_segments > 0)
    faults.broken.push_back(CountOf(verdict.switch_missing_segments, "WAL segment") + " missing before a promotion");
  return faults;
}

}  // namespace pgvigil::verdict
