// The two files of a base backup that recovery begins with, whatever the backup lies in: backup_label and
// global/pg_control. They are collected as they go by, and held against what the catalogue says. Private to this
// module.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "archive/content.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

// Not thread-safe.
class StartFiles {
 public:
  // A file begins, at `path` under the data directory; `name` is what a finding is noted at.
  void Begin(std::string_view path, const std::string& name);
  void Content(std::string_view bytes);

  // Once all has gone by. `place` is where they should have been.
  void Judge(const cluster::Backup& backup, const std::string& place, ContentReading& reading) const;

 private:
  struct File {
    std::string name, bytes;
  };

  std::optional<File> label_, control_;
  File* current_ = nullptr;
};

}  // namespace pgvigil::archive
