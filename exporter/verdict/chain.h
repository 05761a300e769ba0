// How far WAL can be followed in an inventory along a timeline path, the way recovery does. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "cluster/backup.h"
#include "cluster/wal_inventory.h"
#include "verdict/recovery.h"
#include "wal/segment_set.h"
#include "wal/timeline.h"

namespace pgvigil::verdict {

// The path that the cluster took: by the newest history that can be read, and from there on by where SQL saw timelines
// begin or, if it saw none, by the first segment stored of them.
struct RecoveryPath {
  wal::Path path;
  std::uint32_t timeline = 1;          // the current one; above path.timeline() while nothing tells where it began
  std::string system_identifier = {};  // of the cluster that took it; empty: unknown
};
RecoveryPath FindPath(const cluster::WalInventory& wal, const KnownPath& known);

// The highest timeline of any segment or history stored; 1 if there are none.
std::uint32_t HighestStored(const cluster::WalInventory& wal);

// Whether it is known to be another cluster's.
bool IsForeign(const cluster::Backup& backup, const RecoveryPath& path);

// Whether the path goes through all that was written while the backup was taken. False if its positions are unknown.
bool IsOnPath(const cluster::Backup& backup, const RecoveryPath& path);

// Recovery with `latest` from a backup on `from` probes from + 1, from + 2, ... and stops at the first history that is
// missing: what follows is out of reach even if its own history is there. It then goes where the last one found leads,
// be that a branch that the cluster left. One that is there and cannot be read proves nothing: the last readable one
// before it counts, which a person can name as the target.
struct Reachable {
  wal::Path path;                                // that recovery would follow
  std::optional<wal::Lsn> end;                   // where it and the cluster's path part; absent: they do not
  std::optional<std::uint32_t> missing_history;  // or unreadable; why there is an end
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

// Recovery along `path` reads the numbers from FirstNumber up to, not including, EndNumber on the timeline of `leg`, an
// index of path.legs(). None if they are equal. The last leg's end is the highest number there is.
std::uint64_t FirstNumber(const wal::Path& path, std::size_t leg, wal::SegmentSize size);
std::uint64_t EndNumber(const wal::Path& path, std::size_t leg, wal::SegmentSize size);

}  // namespace pgvigil::verdict
