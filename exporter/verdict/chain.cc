#include "verdict/chain.h"

#include <algorithm>
#include <utility>

namespace pgvigil::verdict {
namespace {

using cluster::WalInventory;
using wal::Leg;
using wal::Path;

// The path as it was told when `timeline`, one of its legs, was the newest.
Path UpTo(const Path& path, std::uint32_t timeline) {
  wal::History history{timeline, {}};
  for (const auto& leg : path.legs()) {
    if (leg.timeline == timeline) break;
    history.switches.push_back({leg.timeline, *leg.end, {}});
  }
  return Path(history);
}

const wal::History* ReadableHistory(const WalInventory& wal, std::uint32_t timeline) {
  const auto found = wal.histories.find(timeline);
  return found == wal.histories.end() || !found->second.history ? nullptr : &*found->second.history;
}

std::uint32_t HighestStored(const WalInventory& wal) {
  std::uint32_t highest = 1;
  if (!wal.histories.empty()) highest = std::max(highest, wal.histories.rbegin()->first);
  const auto timelines = wal.stored.Timelines();
  if (!timelines.empty()) highest = std::max(highest, timelines.back());
  return highest;
}

// How far two paths are the same: the last leg that they share, and where the first of them leaves it.
Reachable CommonPart(const Path& path, const Path& other) {
  std::size_t last = 0;
  while (last + 1 < path.legs().size() && last + 1 < other.legs().size() &&
         path.legs()[last].end == other.legs()[last].end &&
         path.legs()[last + 1].timeline == other.legs()[last + 1].timeline) {
    ++last;
  }
  const auto& ours = path.legs()[last];
  const auto& theirs = other.legs()[last];
  Reachable common{UpTo(path, ours.timeline), ours.end, {}};
  if (theirs.end && (!common.end || *theirs.end < *common.end)) common.end = theirs.end;
  return common;
}

}  // namespace

RecoveryPath FindPath(const WalInventory& wal, const KnownPath& known) {
  RecoveryPath found;
  found.timeline = known.timeline.value_or(HighestStored(wal));
  for (auto timeline = found.timeline; timeline > 1; --timeline) {
    if (const auto* history = ReadableHistory(wal, timeline)) {
      found.path = Path(*history);
      break;
    }
  }
  if (found.path.timeline() < found.timeline) {
    const auto next = known.switches.upper_bound(found.path.timeline());
    if (next != known.switches.end()) found.end = next->second;
  }
  return found;
}

Reachable ReachableFrom(std::uint32_t from, const RecoveryPath& whole, const WalInventory& wal) {
  auto newest = from;
  while (newest < whole.timeline && ReadableHistory(wal, newest + 1) != nullptr) ++newest;
  if (newest >= whole.timeline) return {whole.path, whole.end, {}};
  Reachable reachable;
  if (const auto* leg = whole.path.On(newest)) {
    reachable = {UpTo(whole.path, newest), leg->end ? leg->end : whole.end, {}};
  } else if (const auto* history = ReadableHistory(wal, newest)) {
    reachable = CommonPart(whole.path, Path(*history));
  } else {
    reachable = {whole.path, wal::Lsn{}, {}};  // its own timeline is on no path that is known
  }
  reachable.missing_history = newest + 1;
  return reachable;
}

std::uint64_t FirstNumber(const Path& path, std::size_t leg, wal::SegmentSize size) {
  return path.legs()[leg].begin.bytes / size.bytes();
}

std::optional<std::uint64_t> EndNumber(const Path& path, std::size_t leg, wal::SegmentSize size) {
  if (leg + 1 == path.legs().size()) return std::nullopt;
  const auto next = FirstNumber(path, leg + 1, size);
  return next == 0 ? 0 : next - 1;
}

ChainEnd Follow(const wal::SegmentSet& stored, const Path& path, wal::Lsn from, wal::SegmentSize size) {
  ChainEnd end;
  auto number = from.bytes / size.bytes();
  for (;;) {
    const auto segment = path.SegmentOf(number, size);
    const auto interval = stored.IntervalOf(segment);
    if (!interval) {
      end.end = wal::Start(segment, size);
      end.first_missing = segment;
      return end;
    }
    auto last = interval->last;
    for (std::size_t i = 0; i + 1 < path.legs().size(); ++i) {
      if (path.legs()[i].timeline == segment.timeline) last = std::min(last, *EndNumber(path, i, size));
    }
    end.last_stored.reset();
    if (last == interval->last) end.last_stored = interval->last_stored;
    number = last + 1;
  }
}

}  // namespace pgvigil::verdict
