// An archive as the configuration names it, and the reader for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/reader.h"
#include "objectstore/s3.h"

namespace pgvigil::archive {

enum class Tool { kBarman, kDirectory, kPgbackrest, kWalg };

struct Place {
  std::string name;  // the label `archive`
  Tool tool = Tool::kBarman;
  std::optional<objectstore::S3Options> s3;  // a bucket; otherwise `directory`
  std::string directory;
  std::string server;              // barman: the folder of this cluster; empty: the place itself
  std::string wal;                 // directory: the folder of the WAL in it; empty: the directory itself
  std::string backups;             // directory: another one, where base backups and dumps are
  std::string stanza;              // pgBackRest
  std::string info_file;           // pgBackRest: output of `info --output=json` instead of a repository
  std::string passphrase_file;     // pgBackRest: of an encrypted repository
  std::vector<std::string> dumps;  // directory: shell patterns of dumps in it

  friend bool operator==(const Place&, const Place&) = default;
};

// The label `source` of what is read: "objectstore" (a bucket or a directory), "pgbackrest".
std::string_view Source(const Place& place);

// The methods of backups that may lie there.
std::vector<cluster::BackupMethod> Methods(const Place& place);

// Checks what is given and reads nothing yet.
base::Result<std::unique_ptr<Reader>> Open(const Place& place, const objectstore::Surroundings& surroundings);

}  // namespace pgvigil::archive
