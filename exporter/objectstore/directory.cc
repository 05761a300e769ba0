#include "objectstore/directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>

#include "base/file.h"
#include "base/text.h"
#include "objectstore/directory_walk.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;
using base::FileDescriptor;

constexpr std::size_t kPage = 1000;
constexpr std::size_t kWalks = 4;  // listings that can go on without reading their folder again
constexpr std::size_t kPiece = 1 << 20;

class Directory final : public Store {
 public:
  Directory(std::string path, const base::Clock& clock) : clock_(clock), path_(std::move(path)) {}

  std::string Name() const override { return path_; }
  base::Result<ListPage> List(const ListRequest& request, const std::string& continuation,
                              base::Deadline deadline) override;
  base::Result<std::string> Get(const std::string& key, std::optional<Range> range, std::uint64_t most,
                                base::Deadline deadline) override;
  base::Status Read(const std::string& key, const Sink& sink, base::Deadline deadline) override;
  base::Result<Object> Head(const std::string& key, base::Deadline deadline) override;

 private:
  struct Paused {
    ListRequest request;
    std::string continuation;
    std::unique_ptr<DirectoryWalk> walk;
  };

  std::unique_ptr<DirectoryWalk> WalkOf(const ListRequest& request, const std::string& continuation);
  void Keep(const ListRequest& request, const std::string& continuation, std::unique_ptr<DirectoryWalk> walk);
  base::Result<FileDescriptor> Open(const std::string& key, struct stat& status) const;
  Error Failure(int number, const std::string& key) const { return base::FileError(number, path_ + "/" + key); }

  const base::Clock& clock_;
  const std::string path_;
  std::mutex mutex_;
  std::list<Paused> paused_;  // the newest first
};

bool Same(const ListRequest& a, const ListRequest& b) {
  return a.prefix == b.prefix && a.folders == b.folders && a.start_after == b.start_after;
}

// The walk that stopped there, or one that will find its way there again.
std::unique_ptr<DirectoryWalk> Directory::WalkOf(const ListRequest& request, const std::string& continuation) {
  if (!continuation.empty()) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(paused_.begin(), paused_.end(), [&](const Paused& paused) {
      return paused.continuation == continuation && Same(paused.request, request);
    });
    if (found != paused_.end()) {
      auto walk = std::move(found->walk);
      paused_.erase(found);
      return walk;
    }
  }
  auto walk = std::make_unique<DirectoryWalk>(path_, request);
  walk->Skip(continuation);
  return walk;
}

void Directory::Keep(const ListRequest& request, const std::string& continuation, std::unique_ptr<DirectoryWalk> walk) {
  const std::lock_guard lock(mutex_);
  paused_.push_front({request, continuation, std::move(walk)});
  if (paused_.size() > kWalks) paused_.pop_back();
}

base::Result<ListPage> Directory::List(const ListRequest& request, const std::string& continuation,
                                       base::Deadline deadline) {
  auto walk = WalkOf(request, continuation);
  ListPage page;
  std::string last;
  for (std::size_t told = 0; told < kPage; ++told) {
    auto item = walk->Next(clock_, deadline);
    if (!item.ok()) return item.error();
    if (!*item) return page;
    auto& object = (*item)->object;
    last = object.key;
    if ((*item)->folder) {
      page.folders.push_back(object.key);
    } else {
      page.objects.push_back(object);
    }
  }
  page.next = last;
  Keep(request, last, std::move(walk));
  return page;
}

// Part by part, none of them a link, so that no key leads out of the directory. Never blocks on what is no file.
base::Result<FileDescriptor> Directory::Open(const std::string& key, struct stat& status) const {
  auto parts = base::Split(key, '/');
  FileDescriptor folder(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // A file of a directory that is gone was not looked for: that it is missing is not known.
  if (folder.get() < 0) return Error{ErrorKind::kUnavailable, std::strerror(errno), path_ + "/", std::to_string(errno)};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part(parts[i]);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos)
      return Failure(ENOENT, key);
    const bool is_last = i + 1 == parts.size();
    if (is_last) {
      if (fstatat(folder.get(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Failure(errno, key);
      if (!S_ISREG(status.st_mode)) return Failure(ENOENT, key);
    }
    const int flags = is_last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;
    folder = FileDescriptor(openat(folder.get(), part.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (folder.get() < 0) return Failure(errno, key);
  }
  if (fstat(folder.get(), &status) != 0) return Failure(errno, key);
  if (!S_ISREG(status.st_mode)) return Failure(ENOENT, key);
  return folder;
}

base::Result<std::string> Directory::Get(const std::string& key, std::optional<Range> range, std::uint64_t most,
                                         base::Deadline deadline) {
  struct stat status{};
  const auto file = Open(key, status);
  if (!file.ok()) return file.error();
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t first = range ? range->first : 0;
  if (range && range->length > 0 && first >= size) {
    return Error{ErrorKind::kMalformed, "the range begins beyond the end of the file", path_ + "/" + key, {}};
  }
  const std::uint64_t length = range ? std::min(range->length, size - std::min(first, size)) : size;
  if (length > most) {
    return Error{
        ErrorKind::kLimit, "is larger than the " + base::FormatSize(most) + " expected at most", path_ + "/" + key, {}};
  }
  std::string bytes(length, '\0');
  std::uint64_t got = 0;
  while (got < length) {
    if (deadline.Passed(clock_.Steady())) return Error{ErrorKind::kTimeout, "not read in time", path_ + "/" + key, {}};
    const auto count = pread(file->get(), bytes.data() + got, std::min<std::uint64_t>(length - got, kPiece),
                             static_cast<off_t>(first + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure(errno, key);
    if (count == 0) return Error{ErrorKind::kUnavailable, "became shorter while it was read", path_ + "/" + key, {}};
    got += static_cast<std::uint64_t>(count);
  }
  return bytes;
}

base::Status Directory::Read(const std::string& key, const Sink& sink, base::Deadline deadline) {
  struct stat status{};
  const auto file = Open(key, status);
  if (!file.ok()) return file.error();
  std::string piece(kPiece, '\0');
  for (;;) {
    if (deadline.Passed(clock_.Steady())) return Error{ErrorKind::kTimeout, "not read in time", path_ + "/" + key, {}};
    const auto count = read(file->get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure(errno, key);
    if (count == 0) return base::Done{};
    if (!sink(std::string_view(piece).substr(0, static_cast<std::size_t>(count)))) {
      return Error{ErrorKind::kCancelled, "the reader wanted no more", path_ + "/" + key, {}};
    }
  }
}

base::Result<Object> Directory::Head(const std::string& key, base::Deadline) {
  struct stat status{};
  const auto file = Open(key, status);
  if (!file.ok()) return file.error();
  const auto modified =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::microseconds(status.st_mtim.tv_nsec / 1000);
  return Object{key, static_cast<std::uint64_t>(status.st_size), base::WallTime(modified), {}};
}

}  // namespace

std::shared_ptr<Store> OpenDirectory(const std::string& path, const base::Clock& clock) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  return std::make_shared<Directory>(trimmed, clock);
}

}  // namespace pgvigil::objectstore
