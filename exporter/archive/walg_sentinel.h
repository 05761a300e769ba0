// <name>_backup_stop_sentinel.json of WAL-G. Source: its internal/databases/postgres/backup_sentinel_dto.go. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

// "base_000000010000000000000007_D_000000010000000000000005": absent if it is no such name.
std::optional<std::uint32_t> WalgTimeline(std::string_view name);

// The backup that it ends, as the tool says: done, nothing checked.
base::Result<cluster::Backup> ParseWalgSentinel(std::string_view name, std::string_view text, std::string_view subject);

}  // namespace pgvigil::archive
