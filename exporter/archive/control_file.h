// global/pg_control of PostgreSQL 13 to 18, as a little-endian server on a 64-bit machine wrote it. Source:
// catalog/pg_control.h of each. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::archive {

inline constexpr std::uint64_t kControlFileBytes = 8192;

struct ControlFile {
  std::string system_identifier;
  std::uint32_t version = 0;  // of the file's format: 1300 (PostgreSQL 13 to 16), 1700, 1800
};

// malformed: it is not that long, or its checksum is wrong. unsupported: another version.
base::Result<ControlFile> ParseControlFile(std::string_view bytes);

}  // namespace pgvigil::archive
