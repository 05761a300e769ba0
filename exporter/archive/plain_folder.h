// The folders of a plain archive, seen past the WAL in them. Private to this module.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/reader.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

// What a folder holds directly, without WAL.
struct PlainFolder {
  std::string key;  // "" or ends with "/"
  std::vector<objectstore::Object> objects;
  std::vector<std::string> folders;  // their keys
  bool has_wal = false;              // segments and histories lie in it
  bool has_wal_folders = false;      // folders of WAL do

  std::string_view Name() const;  // the last part of its key
  const objectstore::Object* Find(std::string_view name) const;
  // "base.tar", "base.tar.gz", …, whichever it is.
  const objectstore::Object* FindCompressed(std::string_view name) const;
  bool HasFolder(std::string_view name) const;

  // A tar-format or a plain-format base backup.
  bool IsTarBackup() const { return FindCompressed("base.tar") != nullptr; }
  bool IsPlainBackup() const { return Find("PG_VERSION") != nullptr && HasFolder("global"); }
};

// Goes past the WAL of each timeline with one request, however much it is.
base::Result<PlainFolder> ListPlainFolder(objectstore::Store& store, const std::string& key, const base::Clock& clock,
                                          base::SteadyTime::duration request_within);

}  // namespace pgvigil::archive
