// What to type for a restore to the start or the end of a recovery window, as settings of PostgreSQL. Every target
// here ends a recovery that the window proves possible. Pure.
// Source: PostgreSQL manual, "Recovery Target".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "verdict/recovery.h"

namespace pgvigil::verdict {

// "recovery_target_time = '2026-11-23 06:50:22.123456+00'". PostgreSQL stops with FATAL if the WAL holds no commit
// behind it, and if the backup is not consistent by then.
std::string TimeTarget(base::WallTime moment);

// To the start of a window, which is when its backup ended. `commit_follows`: whether the archive is known to hold a
// commit behind StartMoment of it; otherwise a time would be FATAL, and the backup itself is the target.
std::string StartTarget(std::optional<base::WallTime> start, bool commit_follows);

// The moment that StartTarget names: the start, or the next second where the tool writes whole seconds and the backup
// may have ended within.
base::WallTime StartMoment(base::WallTime start);

// To the end of a window: the last commits can be had by no time, only by not naming one. PostgreSQL refuses a segment
// of another length ("archive file ... has wrong size") instead of taking it for the end of WAL, and reads ahead of a
// target: one that lies there has to be moved away first.
std::string EndTarget(const cluster::WalInventory& wal, const ArchiveVerdict& archive, const Window& window);

// What has to be said beside it. Recovery follows the latest timeline of the archive unless told: "recovery_target_
// timeline = '3'" where a higher one than the cluster's is stored, or where the history of a later one cannot be read.
std::optional<std::string> TimelineTarget(const ArchiveVerdict& archive, const Window& window);

}  // namespace pgvigil::verdict
