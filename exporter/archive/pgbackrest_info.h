// What pgBackRest says of a stanza: archive.info and backup.info of a repository (sections of keys whose values are
// JSON), or what `pgbackrest info --output=json` prints. Source: pgBackRest's info/infoBackup.c, info/infoPg.c,
// command/info/info.c; format 5. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

// A cluster that the stanza holds backups of: the newest one is current, the others were upgraded away.
struct BackrestDatabase {
  std::string system_identifier;
  std::string version;  // "15", "9.6"
};

struct BackrestBackup {
  std::uint32_t database = 0;  // id of a BackrestDatabase
  cluster::Backup backup;      // as the tool says: done, nothing checked
};

struct BackrestInfo {
  std::uint32_t current = 0;
  std::map<std::uint32_t, BackrestDatabase> databases;  // by id
  std::string cipher_pass;                              // of what lies below; empty: not encrypted
  std::vector<BackrestBackup> backups;                  // in the order of their labels

  std::string ArchiveId() const;  // "15-1"
};

// archive.info or backup.info, decrypted. malformed (subject: with the line): it makes no sense, or is cut short.
base::Result<BackrestInfo> ParseBackrestFile(std::string_view text, std::string_view subject);

// One stanza in one repository of `info --output=json`; repository 0: its first. not_found: there is no such stanza in
// it. unavailable: pgBackRest could not read the stanza, and says why.
base::Result<BackrestInfo> ParseBackrestJson(std::string_view text, std::string_view stanza, std::uint32_t repository,
                                             std::string_view subject);

}  // namespace pgvigil::archive
