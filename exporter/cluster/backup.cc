#include "cluster/backup.h"

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

}  // namespace pgvigil::cluster
