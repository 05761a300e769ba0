// A set of segments as intervals over (timeline, number): a million stored segments without a hole are one interval of
// 80 bytes. Each interval keeps the upload times at its two ends, all that judgement asks for.
// A value; not thread-safe while it is changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "wal/segment.h"

namespace pgvigil::wal {

// A run of neighbouring segments of one timeline, both ends in it.
struct Interval {
  std::uint32_t timeline = 1;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  base::WallTime first_stored;  // upload time of `first`
  base::WallTime last_stored;   // of `last`

  std::uint64_t size() const { return last - first + 1; }
};

class SegmentSet {
 public:
  // Adding what is there already renews its time if it is an end of its interval. O(log intervals).
  void Add(const Segment& segment, base::WallTime stored);
  // Where an interval is cut, the new ends get the nearer old end's time. No error if it is not there.
  void Remove(const Segment& segment);
  // All of one timeline within [first, last].
  void RemoveRange(std::uint32_t timeline, std::uint64_t first, std::uint64_t last);

  bool Contains(const Segment& segment) const;
  bool empty() const { return intervals_.empty(); }
  std::uint64_t size() const;  // segments
  std::size_t interval_count() const { return intervals_.size(); }

  std::vector<Interval> Intervals() const;  // by timeline, then number
  std::vector<Interval> Intervals(std::uint32_t timeline) const;
  std::vector<std::uint32_t> Timelines() const;

  // The interval that holds `segment`; absent if it is missing.
  std::optional<Interval> IntervalOf(const Segment& segment) const;
  // The first interval of the timeline that begins at or behind `number`.
  std::optional<Interval> NextFrom(std::uint32_t timeline, std::uint64_t number) const;
  // The last segment stored of a timeline.
  std::optional<Segment> Last(std::uint32_t timeline) const;
  std::optional<Segment> First(std::uint32_t timeline) const;

 private:
  struct Run {
    std::uint64_t last = 0;
    base::WallTime first_stored;
    base::WallTime last_stored;
  };
  std::map<Segment, Run> intervals_;  // by the first segment
};

}  // namespace pgvigil::wal
