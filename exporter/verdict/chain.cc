#include "verdict/chain.h"

#include <algorithm>
#include <limits>
#include <map>

namespace pgvigil::verdict {
namespace {

using cluster::WalInventory;
using wal::History;
using wal::Lsn;
using wal::Path;

const History* ReadableHistory(const WalInventory& wal, std::uint32_t timeline) {
  const auto found = wal.histories.find(timeline);
  return found == wal.histories.end() || !found->second.history ? nullptr : &*found->second.history;
}

History NewestReadable(const WalInventory& wal, std::uint32_t timeline) {
  for (auto file = wal.histories.upper_bound(timeline); file != wal.histories.begin();) {
    --file;
    if (file->second.history) return *file->second.history;
  }
  return {};
}

// `timeline` began at `at`: on the leg that holds this position. The legs from there on are no part of its path.
void Extend(History& history, std::uint32_t timeline, Lsn at) {
  while (!history.switches.empty() && history.switches.back().at > at) {
    history.timeline = history.switches.back().parent;
    history.switches.pop_back();
  }
  history.switches.push_back({history.timeline, at, {}});
  history.timeline = timeline;
}

// Where two paths part; absent if they are the same.
std::optional<Lsn> Parting(const Path& path, const Path& other) {
  std::size_t i = 0;
  const auto last = std::min(path.legs().size(), other.legs().size()) - 1;
  while (i < last && path.legs()[i].end == other.legs()[i].end &&
         path.legs()[i + 1].timeline == other.legs()[i + 1].timeline) {
    ++i;
  }
  const auto& ours = path.legs()[i];
  const auto& theirs = other.legs()[i];
  if (ours.timeline != theirs.timeline) return Lsn{};
  if (!ours.end || !theirs.end) return ours.end ? ours.end : theirs.end;
  return std::min(*ours.end, *theirs.end);
}

}  // namespace

std::uint32_t HighestStored(const WalInventory& wal) {
  std::uint32_t highest = 1;
  if (!wal.histories.empty()) highest = std::max(highest, wal.histories.rbegin()->first);
  for (const auto* segments : {&wal.stored, &wal.in_archive_tier}) {
    const auto timelines = segments->Timelines();
    if (!timelines.empty()) highest = std::max(highest, timelines.back());
  }
  return highest;
}

RecoveryPath FindPath(const WalInventory& wal, const KnownPath& known) {
  RecoveryPath found;
  found.timeline = known.timeline.value_or(HighestStored(wal));
  auto history = NewestReadable(wal, found.timeline);
  const auto is_beyond = [&](std::uint32_t timeline) {
    return timeline > history.timeline && timeline <= found.timeline;
  };
  std::map<std::uint32_t, Lsn> begins;
  for (const auto timeline : wal.stored.Timelines()) {
    const auto begin = wal::Start(*wal.stored.First(timeline), *wal.segment_size);
    // One that began before the leg it would end is a branch long left, unless the cluster is on it.
    const bool fits = history.switches.empty() || history.switches.back().at <= begin;
    if (is_beyond(timeline) && (fits || timeline == found.timeline)) begins[timeline] = begin;
  }
  for (const auto& [timeline, begin] : known.switches) {
    if (is_beyond(timeline)) begins[timeline] = begin;
  }
  for (const auto& [timeline, begin] : begins) Extend(history, timeline, begin);
  found.path = Path(history);
  found.system_identifier = known.system_identifier;
  return found;
}

bool IsForeign(const cluster::Backup& backup, const RecoveryPath& path) {
  return !backup.system_identifier.empty() && !path.system_identifier.empty() &&
         backup.system_identifier != path.system_identifier;
}

bool IsOnPath(const cluster::Backup& backup, const RecoveryPath& path) {
  const auto lies_on = [&](std::uint32_t timeline, Lsn lsn) {
    const auto* leg = path.path.On(timeline);
    if (leg == nullptr) return timeline == path.timeline;
    return !leg->end || lsn <= *leg->end;
  };
  return !IsForeign(backup, path) && backup.begin && backup.end && backup.begin_timeline > 0 &&
         lies_on(backup.begin_timeline, *backup.begin) &&
         lies_on(std::max(backup.begin_timeline, backup.end_timeline), *backup.end);
}

Reachable ReachableFrom(std::uint32_t from, const RecoveryPath& whole, const WalInventory& wal) {
  auto newest = from;
  while (newest < whole.timeline && wal.histories.contains(newest + 1)) ++newest;
  while (newest > from && ReadableHistory(wal, newest) == nullptr) --newest;

  Reachable reachable;
  if (newest < whole.timeline) reachable.missing_history = newest + 1;
  if (const auto* history = ReadableHistory(wal, newest)) {
    reachable.path = Path(*history);
    reachable.end = Parting(whole.path, reachable.path);
    return reachable;
  }
  // Without a history, a timeline is read alone.
  reachable.path = Path(History{newest, {}});
  if (const auto* leg = whole.path.On(newest)) {
    reachable.end = leg->end;
  } else if (newest != whole.timeline) {
    reachable.end = Lsn{};
  }
  return reachable;
}

std::uint64_t FirstNumber(const Path& path, std::size_t leg, wal::SegmentSize size) {
  return path.legs()[leg].begin.bytes / size.bytes();
}

std::uint64_t EndNumber(const Path& path, std::size_t leg, wal::SegmentSize size) {
  if (leg + 1 == path.legs().size()) return std::numeric_limits<std::uint64_t>::max();
  return FirstNumber(path, leg + 1, size);
}

ChainEnd Follow(const wal::SegmentSet& stored, const Path& path, Lsn from, wal::SegmentSize size) {
  ChainEnd chain;
  auto number = from.bytes / size.bytes();
  for (std::size_t i = 0; i < path.legs().size(); ++i) {
    const auto end = EndNumber(path, i, size);
    if (number >= end) continue;
    const auto interval = stored.IntervalOf({path.legs()[i].timeline, number});
    if (!interval) break;
    number = std::min(interval->last + 1, end);
    chain.last_stored.reset();
    if (number == interval->last + 1) chain.last_stored = interval->last_stored;
    if (number < end) break;
  }
  chain.first_missing = path.SegmentOf(number, size);
  chain.end = wal::Start(chain.first_missing, size);
  return chain;
}

}  // namespace pgvigil::verdict
