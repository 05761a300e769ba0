// What tells that a file is not the one that was read: Kubernetes replaces mounted files by renaming, others write
// them.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <string>

namespace pgvigil::web {

struct FileStamp {
  std::int64_t device = 0, inode = 0, size = -1, seconds = 0, nanoseconds = 0;

  // Of no file: equal to nothing that exists.
  static FileStamp Of(const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return {};
    return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  }

  friend auto operator<=>(const FileStamp&, const FileStamp&) = default;
};

}  // namespace pgvigil::web
