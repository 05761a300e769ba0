// The WAL that an archive holds, as its listing tells: segments as intervals, what does not count and why, timeline
// histories with their content. Immutable once published.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "wal/segment_set.h"
#include "wal/timeline.h"

namespace pgvigil::cluster {

// A NNNNNNNN.history of the store: there, and readable or not.
struct HistoryFile {
  std::optional<wal::History> history;
  std::optional<base::Error> error;  // why its content is not known
  base::WallTime stored;
};

// A file of WAL as a listing shows it.
struct WalFile {
  wal::Segment segment;
  bool partial = false;
  std::uint64_t bytes = 0;
};

// A segment that is there, and that recovery cannot use.
struct BadSegment {
  std::uint64_t bytes = 0;  // as it is stored
  base::WallTime stored;
  std::string damage;  // what is wrong with its content, as a sentence; empty: it is not as long as a segment is

  friend bool operator==(const BadSegment&, const BadSegment&) = default;
};

struct WalInventory {
  std::optional<wal::SegmentSize> segment_size;  // absent: nothing told it yet, and nothing below is filled in

  // What counts: uncompressed and exactly one segment long, or compressed or encrypted and not empty.
  wal::SegmentSet stored;
  // There, and treated as missing: of another length, empty, or read and damaged. At most kMostBad are kept.
  std::map<wal::Segment, BadSegment> bad;
  // Whole, and in an archive tier: nothing can be recovered through them until they are restored.
  wal::SegmentSet in_archive_tier;
  // Never asked for by recovery; a person may rename one. With the upload time.
  std::map<wal::Segment, base::WallTime> partial;
  std::map<std::uint32_t, HistoryFile> histories;  // by timeline

  // Holes that a direct look found empty, by their first missing segment: only these count as gaps.
  std::map<wal::Segment, base::WallTime> confirmed_missing;

  static constexpr std::size_t kMostBad = 10000;
};

}  // namespace pgvigil::cluster
