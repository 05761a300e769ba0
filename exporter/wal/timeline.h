// Timeline histories and paths. Source: PostgreSQL manual, "Timelines"; access/timeline.c.
// Pure values, safe to use from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wal/segment.h"

namespace pgvigil::wal {

// One line of a history file: `parent` was left at `at`.
struct Switch {
  std::uint32_t parent = 0;
  Lsn at;
  std::string reason;

  friend bool operator==(const Switch&, const Switch&) = default;
};

// The content of NNNNNNNN.history: all ancestors of that timeline, oldest first. Timeline 1 has none, and no file.
struct History {
  std::uint32_t timeline = 1;
  std::vector<Switch> switches;
};

// Lines "parent<TAB>switch LSN<TAB>reason"; blank lines and those that begin with # are skipped. Errors (malformed, the
// subject is the file's name and line): parents that do not rise or are not below `timeline`, LSNs that fall, no line.
base::Result<History> ParseHistory(std::string_view text, std::uint32_t timeline);

// The part of the path on one timeline: from `begin` (the switch that made it; 0 for the first) to `end`, where the
// path leaves it; absent on the last one.
struct Leg {
  std::uint32_t timeline = 1;
  Lsn begin;
  std::optional<Lsn> end;

  friend bool operator==(const Leg&, const Leg&) = default;
};

// The ancestry of one timeline, oldest leg first.
class Path {
 public:
  // Of timeline 1, which has no history.
  Path() : legs_{Leg{}} {}
  explicit Path(const History& history);

  const std::vector<Leg>& legs() const { return legs_; }
  std::uint32_t timeline() const { return legs_.back().timeline; }

  // Null if the path does not go over `timeline`.
  const Leg* On(std::uint32_t timeline) const;

  // The leg on which the byte at `lsn` lies.
  const Leg& At(Lsn lsn) const;

  // The segment from which recovery along this path reads `number`: that of the last leg that begins in or before it.
  // At a switch inside a segment it is the child's.
  Segment SegmentOf(std::uint64_t number, SegmentSize size) const;

 private:
  std::vector<Leg> legs_;
};

}  // namespace pgvigil::wal
