// Reads the content of an archive's backups for `pgvigil audit --verify`, no faster than a bandwidth. Blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/content.h"
#include "archive/reader.h"
#include "cli/progress.h"
#include "observe/archive_readings.h"

namespace pgvigil::cli {

struct ContentChoice {
  std::string backup;                      // only the one of this id; empty: all that can be restored
  std::optional<std::uint64_t> bandwidth;  // bytes a second of what is read; absent: no limit
};

// One for each backup that was looked at, in the catalogue's order. The reading has contents and a verdict.
std::vector<archive::BackupContent> ReadContents(archive::Reader& reader, const observe::ArchiveReading& reading,
                                                 const ContentChoice& choice, const base::Clock& clock,
                                                 Progress& progress);

// What was found, as flaws of the backups in the catalogue: a list for each.
std::vector<std::vector<std::string>> FlawsOf(const std::vector<archive::BackupContent>& contents, std::size_t backups);

}  // namespace pgvigil::cli
