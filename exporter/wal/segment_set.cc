#include "wal/segment_set.h"

#include <iterator>

namespace pgvigil::wal {
namespace {

template <typename Map>
Interval AsInterval(const Map& entry) {
  const auto& [first, run] = entry;
  return {first.timeline, first.number, run.last, run.first_stored, run.last_stored};
}

// What is known of an upload inside `from`: the time of the nearer end.
base::WallTime StoredNear(const Interval& from, std::uint64_t number) {
  return number - from.first <= from.last - number ? from.first_stored : from.last_stored;
}

}  // namespace

void SegmentSet::Add(const Segment& segment, base::WallTime stored) {
  const auto [timeline, number] = segment;
  auto next = intervals_.upper_bound(segment);
  auto before = next == intervals_.begin() ? intervals_.end() : std::prev(next);
  if (before != intervals_.end() && before->first.timeline != timeline) before = intervals_.end();

  if (before != intervals_.end() && number <= before->second.last) {  // it is there
    if (number == before->first.number) before->second.first_stored = stored;
    if (number == before->second.last) before->second.last_stored = stored;
    return;
  }
  const bool joins_before = before != intervals_.end() && before->second.last == number - 1;
  const bool joins_next = next != intervals_.end() && next->first == Segment{timeline, number + 1};
  if (joins_before) {
    before->second.last = joins_next ? next->second.last : number;
    before->second.last_stored = joins_next ? next->second.last_stored : stored;
    if (joins_next) intervals_.erase(next);
  } else if (joins_next) {
    const auto hint = std::next(next);
    auto node = intervals_.extract(next);
    node.key() = segment;
    node.mapped().first_stored = stored;
    intervals_.insert(hint, std::move(node));
  } else {
    intervals_.emplace_hint(next, segment, Run{number, stored, stored});
  }
}

void SegmentSet::Remove(const Segment& segment) { RemoveRange(segment.timeline, segment.number, segment.number); }

void SegmentSet::RemoveRange(std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
  if (first > last) return;
  auto at = intervals_.upper_bound({timeline, first});
  if (at != intervals_.begin()) {
    const auto before = std::prev(at);
    if (before->first.timeline == timeline && before->second.last >= first) at = before;
  }
  while (at != intervals_.end() && at->first.timeline == timeline && at->first.number <= last) {
    const auto old = AsInterval(*at);
    if (old.first < first) {
      at->second.last = first - 1;
      at->second.last_stored = StoredNear(old, first - 1);
      ++at;
    } else {
      at = intervals_.erase(at);
    }
    if (old.last <= last) continue;
    intervals_.emplace_hint(at, Segment{timeline, last + 1}, Run{old.last, StoredNear(old, last + 1), old.last_stored});
    return;
  }
}

bool SegmentSet::Contains(const Segment& segment) const { return IntervalOf(segment).has_value(); }

std::uint64_t SegmentSet::size() const {
  std::uint64_t sum = 0;
  for (const auto& entry : intervals_) sum += AsInterval(entry).size();
  return sum;
}

std::vector<Interval> SegmentSet::Intervals() const {
  std::vector<Interval> all;
  all.reserve(intervals_.size());
  for (const auto& entry : intervals_) all.push_back(AsInterval(entry));
  return all;
}

std::vector<Interval> SegmentSet::Intervals(std::uint32_t timeline) const {
  std::vector<Interval> found;
  for (auto at = intervals_.lower_bound({timeline, 0}); at != intervals_.end() && at->first.timeline == timeline;
       ++at) {
    found.push_back(AsInterval(*at));
  }
  return found;
}

std::vector<std::uint32_t> SegmentSet::Timelines() const {
  std::vector<std::uint32_t> timelines;
  for (auto at = intervals_.begin(); at != intervals_.end();) {
    timelines.push_back(at->first.timeline);
    at = intervals_.upper_bound({timelines.back(), ~std::uint64_t{0}});
  }
  return timelines;
}

std::optional<Interval> SegmentSet::IntervalOf(const Segment& segment) const {
  const auto next = intervals_.upper_bound(segment);
  if (next == intervals_.begin()) return std::nullopt;
  const auto interval = AsInterval(*std::prev(next));
  if (interval.timeline != segment.timeline || interval.last < segment.number) return std::nullopt;
  return interval;
}

std::optional<Interval> SegmentSet::NextFrom(std::uint32_t timeline, std::uint64_t number) const {
  const auto next = intervals_.lower_bound({timeline, number});
  if (next == intervals_.end() || next->first.timeline != timeline) return std::nullopt;
  return AsInterval(*next);
}

std::optional<Segment> SegmentSet::Last(std::uint32_t timeline) const {
  const auto next = intervals_.upper_bound({timeline, ~std::uint64_t{0}});
  if (next == intervals_.begin() || std::prev(next)->first.timeline != timeline) return std::nullopt;
  return Segment{timeline, std::prev(next)->second.last};
}

std::optional<Segment> SegmentSet::First(std::uint32_t timeline) const {
  const auto first = NextFrom(timeline, 0);
  if (!first) return std::nullopt;
  return Segment{timeline, first->first};
}

}  // namespace pgvigil::wal
