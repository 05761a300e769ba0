// The backups of an archive in figures, by method and type: what the page says of them. Pure; made once for each
// reading.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cluster/archive_state.h"
#include "verdict/recovery.h"

namespace pgvigil::verdict {

// Of one method and type that has at least one backup.
struct BackupsOfType {
  cluster::BackupMethod method = cluster::BackupMethod::kBarman;
  cluster::BackupType type = cluster::BackupType::kFull;
  std::optional<base::WallTime> last_proven;   // end of the newest restorable one
  std::optional<base::WallTime> last_claimed;  // end of the newest one that the tool calls done
  std::optional<base::WallTime> last_failure;  // when the newest failed one began; absent where tools leave no record
  // Of the newest done one, and the medians of up to ten before it.
  std::optional<double> last_seconds, usual_seconds;
  std::optional<double> last_bytes, usual_bytes;
};

// Of one method that has at least one backup.
struct BackupsOfMethod {
  cluster::BackupMethod method = cluster::BackupMethod::kBarman;
  std::array<int, kBackupStates> states{};    // how many, by BackupState
  std::optional<base::WallTime> oldest_done;  // end of the oldest that the tool calls done
};

struct BackupSummary {
  std::vector<BackupsOfType> types;
  std::vector<BackupsOfMethod> methods;
};

BackupSummary Summarize(const cluster::BackupCatalogue& catalogue, const std::vector<BackupVerdict>& verdicts);

}  // namespace pgvigil::verdict
