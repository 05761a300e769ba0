// One backup as an archive tells of it, whatever tool made it, and all of them. What the tool says and what was found
// beside it are kept apart: whether a backup is restorable is for verdict to say. Immutable once published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "wal/segment.h"

namespace pgvigil::cluster {

enum class BackupMethod { kBarman, kSnapshot, kPgbackrest, kWalg, kBasebackup, kDump };
inline constexpr int kBackupMethods = 6;
std::string_view Name(BackupMethod method);  // "barman", "snapshot", ...

enum class BackupType { kFull, kDiff, kIncr };
inline constexpr int kBackupTypes = 3;
std::string_view Name(BackupType type);  // "full", "diff", "incr"

// What the tool's own metadata say.
enum class BackupOutcome {
  kDone,
  kFailed,
  kStarted,     // begun and not ended: running, or killed
  kNoMetadata,  // files without any: an upload that was interrupted, or one whose metadata were deleted
  kUnreadable,  // metadata that are there and make no sense; `error` says why
};

struct Backup {
  std::string id;     // as the tool names it: "20261123T065022", "20261123-070114F"
  std::string label;  // the name a person gave it, if any
  BackupMethod method = BackupMethod::kBarman;
  BackupType type = BackupType::kFull;
  BackupOutcome outcome = BackupOutcome::kNoMetadata;
  std::string place;    // key of its folder, file or metadata
  std::string error;    // what the tool recorded of its failure
  bool denied = false;  // kUnreadable because its metadata may not be read: nothing is known of it

  std::optional<base::WallTime> begin_time, end_time;  // the server's clock, as the tool wrote them
  std::optional<wal::Lsn> begin, end;                  // end: the first position at which the backup is consistent
  std::uint32_t begin_timeline = 0;                    // 0: unknown
  std::uint32_t end_timeline = 0;                      // a standby's backup may end on the child of the one it began on
  std::string system_identifier;                       // empty: unknown
  // The tool wrote no end: `end_time` is when its last file was stored, which proves nothing.
  bool end_time_is_upload = false;
  // Of the last commit before `end`, or when it began if there was none, where that was looked for: a tool may take the
  // time before it ends the backup, or not at all.
  std::optional<base::WallTime> last_commit;

  std::uint64_t stored_bytes = 0;              // of all its objects
  std::optional<base::WallTime> first_stored;  // upload times of its objects
  std::optional<base::WallTime> last_stored;

  std::vector<std::string> needs;  // ids of the backups that it refers to: the prior of an incremental one
  bool self_contained = false;     // holds the WAL that it needs for itself
  bool in_archive_tier = false;    // an object of it lies in Glacier or the like
  std::vector<std::string> flaws;  // what of its structure is missing or empty, in words; none: whole
  std::string keep;                // barman's annotation: "full", "standalone"; empty: none
};

// The earliest time target it can be restored to: one before a commit that lies before `end` is refused.
std::optional<base::WallTime> RestorableFrom(const Backup& backup);

struct BackupCatalogue {
  std::vector<Backup> backups;  // by the time of their beginning, unknown ones by their first upload
};

}  // namespace pgvigil::cluster
