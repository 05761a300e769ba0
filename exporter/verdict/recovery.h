// What can be restored from an archive: the state of each backup, the proven end of WAL, the window, the gaps. The
// definitions are those of docs/recoverability.md; each sentence there has a test. Pure: no I/O, no clock.
// Costs a walk over the intervals of the inventory for each backup: judged once for each reading of an archive, not for
// each page (verdict/site.h compares the result with now).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/archive_state.h"
#include "wal/timeline.h"

namespace pgvigil::verdict {

enum class BackupState { kRestorable, kBroken, kFailed, kRunning, kOrphan, kArchivedTier };
inline constexpr int kBackupStates = 6;
std::string_view Name(BackupState state);  // "restorable", "broken", ...

struct BackupVerdict {
  BackupState state = BackupState::kBroken;
  std::string why;                            // of every state but restorable: one sentence for a person
  std::optional<wal::Segment> first_missing;  // of a broken one: the segment that its own WAL lacks
  std::optional<wal::Lsn> reach;  // how far it can be rolled forward without a hole along the path; if restorable
};

// A run of segments that recovery along the path would ask for and not find, with stored ones behind it. Those in an
// archive tier are there: they end a chain and are no gap.
struct Gap {
  wal::Segment first, last;  // both missing; `last` may lie on a later timeline
  std::uint64_t segments = 0;
  base::WallTime since;  // upload time of the first segment stored behind it
  // Young, or not looked for directly yet: uploads arrive out of order. Not counted, but nothing is proven beyond it.
  bool pending = false;
};

// From the end of the oldest backup of a method from which the chain reaches `end`.
struct Window {
  cluster::BackupMethod method = cluster::BackupMethod::kBarman;
  std::size_t from = 0;  // index of that backup in the catalogue
  wal::Lsn end;          // LSN; what time that is, the position clock or the last commit tells
};

struct ArchiveVerdict {
  std::vector<BackupVerdict> backups;  // as in the catalogue
  wal::Path path;                      // as far as histories tell it
  std::uint32_t timeline = 1;          // the current one: where the path should lead
  std::uint32_t highest_timeline = 1;  // of any segment or history stored

  // E: up to where a restorable backup can be rolled forward without a hole along the path. Absent: there is none.
  std::optional<wal::Lsn> proven_end;
  std::optional<std::uint32_t> proven_timeline;  // of the last segment before it
  std::vector<Window> windows;                   // one for each method that has a restorable backup

  // End of the newest contiguous run that holds E, or of the last one before it if E is the end of a self-contained
  // backup and the segment it lies in is not stored; without E: of the run from the oldest stored segment of the path.
  std::optional<wal::Lsn> run_end;
  std::optional<base::WallTime> run_stored;  // upload time of its newest segment, where an interval ends there

  std::vector<Gap> gaps;  // with the pending ones
  // Timelines whose file recovery needs and does not find, and those whose file is there and cannot be read. At most
  // kMostHistories of each.
  std::vector<std::uint32_t> missing_histories;
  std::vector<std::uint32_t> unreadable_histories;
  static constexpr std::size_t kMostHistories = 100;

  std::uint64_t switch_missing_segments = 0;  // of ended timelines, from run_end up to where the path leaves them

  // Segments stored lately on a timeline that the path left, beyond where it did, or never went over: somebody who is
  // not the cluster's primary still writes.
  std::uint64_t late_segments = 0;
};

// What SQL knows of the path; all of it may be unknown.
struct KnownPath {
  std::optional<std::uint32_t> timeline;       // the cluster's current one; absent: the highest that is stored
  std::map<std::uint32_t, wal::Lsn> switches;  // where timelines began, by the timeline that began
  std::string system_identifier = {};          // empty: unknown
};

// `now` ages holes and backups that are still running.
ArchiveVerdict JudgeArchive(const cluster::ArchiveContents& contents, const cluster::ArchiveTerms& terms,
                            const KnownPath& known, base::WallTime now);

// How old a hole must be to count: uploads arrive out of order, an old primary archives its rest after a failover.
base::Milliseconds HolePendingFor(const cluster::ArchiveTerms& terms);

}  // namespace pgvigil::verdict
