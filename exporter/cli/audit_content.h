// Reads the content of an archive's backups for `pgvigil audit --verify`, no faster than a bandwidth. Blocks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "archive/bandwidth.h"
#include "archive/content.h"
#include "archive/reader.h"
#include "cli/progress.h"
#include "observe/archive_readings.h"

namespace pgvigil::cli {

struct ContentChoice {
  std::string backup;                      // only the one of this id; empty: all that can be restored
  std::optional<std::uint64_t> bandwidth;  // bytes a second of what is read; absent: no limit
};

// Of the WAL that restores would read.
struct WalContent {
  std::uint64_t files = 0, bytes = 0;           // that were read; bytes as they are in WAL
  std::map<wal::Segment, std::string> damaged;  // and what is wrong with them
  std::optional<base::Error> error;             // the store could not be read to the end
};

// Reads what a reading found, which has contents and a verdict. All that is passed outlives it.
class ContentPass {
 public:
  ContentPass(archive::Reader& reader, const observe::ArchiveReading& reading, const ContentChoice& choice,
              const base::Clock& clock, Progress& progress);

  // One for each backup that is chosen and can be restored, in the catalogue's order.
  std::vector<archive::BackupContent> ReadBackups();

  // From the begin of each window's backup to the window's end; of one backup that was named, from its begin to where
  // it can be rolled forward. `system_identifier`: whose it should be; empty: unknown.
  WalContent ReadWal(const std::string& system_identifier);

 private:
  std::set<wal::Segment> WalOf(std::size_t backup) const;
  std::set<wal::Segment> ChosenWal() const;
  void Count(const std::string& what, std::uint64_t bytes);

  archive::Reader& reader_;
  const observe::ArchiveReading reading_;  // as it was before anything was found in it
  const ContentChoice& choice_;
  const base::Clock& clock_;
  Progress& progress_;
  std::optional<archive::Bandwidth> bandwidth_;
  std::vector<std::size_t> chosen_;
  std::set<wal::Segment> wal_;
  std::uint64_t total_ = 0;  // bytes, as far as they are known
  std::uint64_t read_ = 0;
};

// What was found, as flaws of the backups in the catalogue: a list for each.
std::vector<std::vector<std::string>> FlawsOf(const std::vector<archive::BackupContent>& contents, std::size_t backups);

}  // namespace pgvigil::cli
