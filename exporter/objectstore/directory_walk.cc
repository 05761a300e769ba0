#include "objectstore/directory_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/text.h"

namespace pgvigil::objectstore {

using base::Error;
using base::ErrorKind;

namespace {

constexpr int kEntriesBetweenLooks = 1024;  // at the clock

// Where the listing of a prefix begins: its directory part.
std::string FolderOf(std::string_view prefix) {
  const auto slash = prefix.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : prefix.substr(0, slash + 1));
}

enum class Sort { kFile, kFolder, kOther, kGone };

Sort SortOf(const std::string& directory, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG: return Sort::kFile;
    case DT_DIR: return Sort::kFolder;
    case DT_UNKNOWN: break;
    default: return Sort::kOther;
  }
  struct stat status{};
  if (lstat((directory + entry.d_name).c_str(), &status) != 0) return Sort::kGone;
  if (S_ISREG(status.st_mode)) return Sort::kFile;
  return S_ISDIR(status.st_mode) ? Sort::kFolder : Sort::kOther;
}

}  // namespace

DirectoryWalk::DirectoryWalk(std::string root, const ListRequest& request)
    : root_(std::move(root)), prefix_(request.prefix), folders_(request.folders), after_(request.start_after) {}

// Whether the folder of a prefix is one of directories below the root, none of them a link or "..".
bool DirectoryWalk::LeadsInside(const std::string& key) const {
  if (key.empty()) return true;
  std::string path = root_;
  for (const auto part : base::Split(std::string_view(key).substr(0, key.size() - 1), '/')) {
    if (part.empty() || part == "." || part == "..") return false;
    path += '/';
    path += part;
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  }
  return true;
}

// That what is not there is not there because all is gone: a directory renamed, a file system unmounted.
base::Status DirectoryWalk::RootStays() const {
  struct stat status{};
  if (stat(root_.c_str(), &status) != 0) return base::FileError(errno, root_ + "/");
  if (status.st_dev == root_device_ && status.st_ino == root_inode_) return base::Done{};
  return Error{ErrorKind::kUnavailable, "became another directory while it was listed", root_ + "/", {}};
}

base::Result<base::Done> DirectoryWalk::Enter(const std::string& key, const base::Clock& clock,
                                              base::Deadline deadline) {
  const std::string path = root_ + "/" + key;
  // The root may be a link. What vanishes between two looks, or becomes a link, is left out.
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (key.empty() ? 0 : O_NOFOLLOW);
  const int descriptor = open(path.substr(0, path.size() - 1).c_str(), flags);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(descriptor < 0 ? nullptr : fdopendir(descriptor), &closedir);
  if (!directory) {
    if (!key.empty() && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return RootStays();
    return base::FileError(errno, path);
  }
  auto folder = std::make_unique<Folder>();
  folder->key = key;
  std::vector<std::size_t> ends;
  for (int seen = 0;; ++seen) {
    if (seen % kEntriesBetweenLooks == 0 && deadline.Passed(clock.Steady())) {
      return Error{ErrorKind::kTimeout, "the directory could not be read in time", path, {}};
    }
    errno = 0;
    const dirent* const entry = readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const auto sort = SortOf(path, *entry);
    if (sort != Sort::kFile && sort != Sort::kFolder) continue;
    folder->arena += name;
    if (sort == Sort::kFolder) folder->arena += '/';
    ends.push_back(folder->arena.size());
  }
  if (errno != 0) return base::FileError(errno, path);
  folder->names.reserve(ends.size());
  std::size_t begin = 0;
  for (const auto end : ends) {
    folder->names.push_back(std::string_view(folder->arena).substr(begin, end - begin));
    begin = end;
  }
  std::sort(folder->names.begin(), folder->names.end());
  open_.push_back(std::move(folder));
  return base::Done{};
}

// Whether keys of this folder may begin with the prefix.
bool DirectoryWalk::MayHold(std::string_view folder) const {
  return folder.starts_with(prefix_) || std::string_view(prefix_).starts_with(folder);
}

// A folder is past only if all that it may hold is; or if it was told as a folder.
bool DirectoryWalk::IsPast(std::string_view key, bool is_folder, bool as_folder) const {
  const auto holds = [&](std::string_view bound) { return is_folder && bound.starts_with(key); };
  if (key <= after_ && !holds(after_)) return true;
  return key <= told_ && (as_folder || !holds(told_));
}

base::Result<std::optional<Object>> DirectoryWalk::Look(const std::string& key) const {
  const std::string path = root_ + "/" + key;
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<Object>();
    return base::FileError(errno, path);
  }
  if (!S_ISREG(status.st_mode)) return std::optional<Object>();
  const auto modified =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::microseconds(status.st_mtim.tv_nsec / 1000);
  return std::optional(Object{key, static_cast<std::uint64_t>(status.st_size), base::WallTime(modified), {}});
}

base::Result<std::optional<DirectoryWalk::Item>> DirectoryWalk::Next(const base::Clock& clock,
                                                                     base::Deadline deadline) {
  if (!std::exchange(started_, true)) {
    struct stat root{};
    if (stat(root_.c_str(), &root) != 0) return base::FileError(errno, root_ + "/");
    root_device_ = root.st_dev;
    root_inode_ = root.st_ino;
    if (!LeadsInside(FolderOf(prefix_))) {
      if (const auto stays = RootStays(); !stays.ok()) return stays.error();
      return std::optional<Item>();
    }
    if (const auto entered = Enter(FolderOf(prefix_), clock, deadline); !entered.ok()) return entered.error();
  }
  while (!open_.empty()) {
    auto& folder = *open_.back();
    if (folder.next == folder.names.size()) {
      open_.pop_back();
      continue;
    }
    const auto name = folder.names[folder.next++];
    std::string key = folder.key + std::string(name);
    const bool is_folder = name.ends_with('/');
    if (is_folder ? !MayHold(key) : !key.starts_with(prefix_)) continue;
    const bool as_folder = is_folder && folders_ && key.size() > prefix_.size();
    if (IsPast(key, is_folder, as_folder)) continue;
    if (as_folder) return std::optional(Item{{std::move(key), 0, {}, {}}, true});
    if (is_folder) {
      if (const auto entered = Enter(key, clock, deadline); !entered.ok()) return entered.error();
      continue;
    }
    if (folder.next % kEntriesBetweenLooks == 0 && deadline.Passed(clock.Steady())) {
      return Error{ErrorKind::kTimeout, "the directory could not be read in time", root_, {}};
    }
    auto object = Look(key);
    if (!object.ok()) return object.error();
    if (*object) return std::optional(Item{*std::move(*object), false});
    if (const auto stays = RootStays(); !stays.ok()) return stays.error();
  }
  return std::optional<Item>();
}

}  // namespace pgvigil::objectstore
