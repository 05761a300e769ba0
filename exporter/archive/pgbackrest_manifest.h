// backup.manifest of pgBackRest: which files a backup is made of, where each lies in the repository, and its checksum.
// Source: pgBackRest's info/manifest.c; format 5, to 2.57. Pure; private to this module.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wal/file_name.h"

namespace pgvigil::archive {

struct BackrestManifestFile {
  std::string path;                         // "pg_data/base/1/112", "pg_tblspc/16385/…"
  std::string label;                        // of the backup in whose folder it lies
  std::string sha1;                         // of its content; empty: there is none
  std::uint64_t bytes = 0;                  // of its content
  std::optional<std::uint64_t> repo_bytes;  // as it is stored; absent: as its content, or not told
  std::uint64_t bundle = 0;                 // number of the bundle that it lies in; 0: a file of its own
  std::uint64_t offset = 0;                 // in the bundle
  bool is_blocks = false;                   // block incremental: a map and parts of several backups
};

struct BackrestManifest {
  std::string label;
  std::string cipher_pass;  // of the files; empty: not encrypted
  wal::Compression compression = wal::Compression::kNone;
  bool bundled = false;  // files without content are not stored then
  bool online = true;
  std::vector<BackrestManifestFile> files;
};

// malformed (subject: with the line): it makes no sense, or is cut short. unsupported: a kind of compression.
base::Result<BackrestManifest> ParseBackrestManifest(std::string_view text, std::string_view subject);

}  // namespace pgvigil::archive
