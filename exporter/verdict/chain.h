// How far WAL can be followed in an inventory along a timeline path, the way recovery does. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "cluster/wal_inventory.h"
#include "verdict/recovery.h"
#include "wal/segment_set.h"
#include "wal/timeline.h"

namespace pgvigil::verdict {

// The path that the cluster took, with what the store lacks of it.
struct RecoveryPath {
  wal::Path path;               // from the newest history that could be read
  std::uint32_t timeline = 1;   // the current one; above path.timeline() if its history is missing
  std::optional<wal::Lsn> end;  // where the last known leg was left, if its successor's history is missing and SQL knew
};
RecoveryPath FindPath(const cluster::WalInventory& wal, const KnownPath& known);

// Recovery with `latest` from a backup on `from` probes from + 1, from + 2, ... and stops at the first history that is
// missing: what follows is out of reach even if its own history is there.
struct Reachable {
  wal::Path path;                                // the part of the path that recovery would follow
  std::optional<wal::Lsn> end;                   // nothing beyond it is reached; absent: no such limit
  std::optional<std::uint32_t> missing_history;  // why there is one
};
Reachable ReachableFrom(std::uint32_t from, const RecoveryPath& whole, const cluster::WalInventory& wal);

// Follows the stored segments along `path` from the one that holds `from`.
struct ChainEnd {
  wal::Lsn end;  // the first byte that is not stored: the start of the first missing segment
  wal::Segment first_missing;
  // Upload time of the last segment before `end`; absent if none was stored or it is no interval's end.
  std::optional<base::WallTime> last_stored;
};
ChainEnd Follow(const wal::SegmentSet& stored, const wal::Path& path, wal::Lsn from, wal::SegmentSize size);

// The last number that recovery along `path` reads on the timeline of `leg` (an index of path.legs()); absent: no end.
// Less than FirstNumber: nothing is read there.
std::optional<std::uint64_t> EndNumber(const wal::Path& path, std::size_t leg, wal::SegmentSize size);
std::uint64_t FirstNumber(const wal::Path& path, std::size_t leg, wal::SegmentSize size);

}  // namespace pgvigil::verdict
