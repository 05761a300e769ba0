// Logical dumps: whether pg_dump came to their end, as far as that can be seen without restoring them. A dump may be in
// custom format ("PGDMP", with its table of contents first), a tar of one, a directory with toc.dat, or plain text.
// Source: bin/pg_dump/pg_backup_archiver.c, pg_backup_custom.c, versions 1.12 to 1.16 of the format (9.0 to 18). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgvigil::archive {

enum class DumpFormat { kCustom = 1, kTar = 3 };  // toc.dat of a directory says "tar", too

struct DumpContents {
  DumpFormat format = DumpFormat::kCustom;
  std::string database;
  std::string server_version;
  std::uint64_t entries = 0;
  std::uint64_t last_data = 0;  // custom format: where the last data block begins that has a place in the contents
  bool has_data = false;        // custom format: at least one entry has data
  std::vector<std::string>
      members;  // tar and directory format: the files that hold data, without a compression's suffix
};

// Whether this is the beginning of a dump in custom format, or of a toc.dat.
bool IsDump(std::string_view beginning);

// limit: the table of contents goes on behind these bytes. malformed: it makes no sense. unsupported: another version.
base::Result<DumpContents> ParseDump(std::string_view beginning);

// The end of a whole one: the last data block's closing length of a custom dump, two empty blocks of a tar.
bool EndsCustomDump(std::string_view tail);
bool EndsTar(std::string_view tail);
// The comment that pg_dump and pg_dumpall close with; an \unrestrict may follow it.
bool EndsPlainDump(std::string_view tail);
inline constexpr std::uint64_t kDumpTail = 1024;  // that many bytes are enough for each

}  // namespace pgvigil::archive
