// The files below a directory in byte order of their keys, one at a time. Private to this module.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "objectstore/store.h"

namespace pgvigil::objectstore {

// Not thread-safe. Holds the names of the folders on the way to where it is, and no descriptor.
class DirectoryWalk {
 public:
  DirectoryWalk(std::string root, const ListRequest& request);

  struct Item {
    Object object;  // or only its key, if it is a folder
    bool folder = false;
  };
  // The next one; nothing at the end. A failure ends the walk.
  base::Result<std::optional<Item>> Next(const base::Clock& clock, base::Deadline deadline);

  // Everything up to this key or folder (which ends with "/") was told already.
  void Skip(std::string_view told) { told_ = told; }

 private:
  struct Folder {
    std::string key;                      // "" or ends with "/"
    std::string arena;                    // all names, one after the other; a directory's ends with "/"
    std::vector<std::string_view> names;  // in byte order
    std::size_t next = 0;
  };

  base::Result<base::Done> Enter(const std::string& key, const base::Clock& clock, base::Deadline deadline);
  bool LeadsInside(const std::string& key) const;
  bool MayHold(std::string_view folder) const;
  bool IsPast(std::string_view key, bool is_folder, bool as_folder) const;
  base::Result<std::optional<Object>> Look(const std::string& key) const;
  base::Status RootStays() const;

  const std::string root_;
  const std::string prefix_;
  const bool folders_;
  const std::string after_;
  std::string told_;
  bool started_ = false;
  dev_t root_device_ = 0;
  ino_t root_inode_ = 0;
  std::vector<std::unique_ptr<Folder>> open_;
};

}  // namespace pgvigil::objectstore
