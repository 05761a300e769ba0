#include "cluster/backup.h"

#include <algorithm>
#include <array>

namespace pgvigil::cluster {

std::string_view Name(BackupMethod method) {
  constexpr std::array<std::string_view, kBackupMethods> kNames = {"barman", "snapshot",   "pgbackrest",
                                                                   "walg",   "basebackup", "dump"};
  return kNames[static_cast<std::size_t>(method)];
}

std::string_view Name(BackupType type) {
  constexpr std::array<std::string_view, kBackupTypes> kNames = {"full", "diff", "incr"};
  return kNames[static_cast<std::size_t>(type)];
}

std::optional<base::WallTime> RestorableFrom(const Backup& backup) {
  if (backup.end_time_is_upload && backup.last_commit) return std::max(backup.begin_time, backup.last_commit);
  return backup.end_time ? std::max(backup.end_time, backup.last_commit) : std::nullopt;
}

}  // namespace pgvigil::cluster
