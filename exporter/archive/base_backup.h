// What pg_basebackup leaves beside the files: backup_manifest (PostgreSQL 13 and later) and backup_label.
// Source: PostgreSQL manual, "Backup Manifest Format"; access/xlogbackup.c. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "wal/segment.h"

namespace pgvigil::archive {

struct BackupLabel {
  std::optional<wal::Lsn> begin;
  std::uint32_t timeline = 0;           // 0: not said
  std::optional<base::WallTime> began;  // only where the server wrote it in UTC
  std::string label;
  std::optional<wal::Lsn> incremental_from;  // where its parent began (17 and later)
};

// malformed: there is no "START WAL LOCATION".
base::Result<BackupLabel> ParseBackupLabel(std::string_view text, std::string_view subject);

struct BackupManifest {
  wal::Lsn begin, end;
  std::uint32_t begin_timeline = 0, end_timeline = 0;
  std::string system_identifier;        // version 2 of the format (17 and later); empty before
  std::uint64_t bytes = 0;              // of all files
  std::set<std::uint32_t> tablespaces;  // oids
  bool has_wal = false;                 // --wal-method=fetch: WAL lies among the files
  bool is_incremental = false;
};

struct ManifestFile {
  std::uint64_t bytes = 0;
  std::string algorithm;  // "SHA256"; empty: none was taken
  std::string checksum;   // in hexadecimal digits
};
using ManifestFiles = std::map<std::string, ManifestFile>;  // by their path under the data directory

// malformed: no such JSON, or no WAL-Ranges. Goes through the text once; what it says of each file is kept if `files`
// are wanted.
base::Result<BackupManifest> ParseBackupManifest(std::string_view text, std::string_view subject,
                                                 ManifestFiles* files = nullptr);

// Whether its last line, a SHA-256 of all lines before it, is right. A manifest without one is not.
bool ManifestSumIsRight(std::string_view text);

// The first member of a tar, as far as `beginning` holds it; absent if this is no tar, or too little.
struct TarMember {
  std::string name;
  std::string_view content;
};
std::optional<TarMember> FirstMember(std::string_view beginning);

}  // namespace pgvigil::archive
