#include "failover/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace pgvigil::failover {
namespace {

using base::Error;
using base::ErrorKind;
using base::FileDescriptor;
using base::FileError;

constexpr mode_t kMode = 0640;
constexpr std::uint64_t kReadAtMost = 256ULL << 20;
constexpr std::size_t kPiece = 1 << 16;

base::Result<std::string> ReadAll(const FileDescriptor& file, const std::string& path) {
  std::string text;
  std::string piece(kPiece, '\0');
  for (;;) {
    const auto count = pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(errno, path);
    if (count == 0) return text;
    text.append(piece, 0, static_cast<std::size_t>(count));
    if (text.size() > kReadAtMost) {
      return Error{ErrorKind::kLimit, "is larger than any journal of ours: expected at most 256 MiB", path, {}};
    }
  }
}

base::Status Lock(const FileDescriptor& file, const std::string& path) {
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return base::Done{};
  if (errno != EWOULDBLOCK) return FileError(errno, path);
  return Error{ErrorKind::kUnavailable, "another process writes this journal: give each exporter one of its own", path,
               std::to_string(EWOULDBLOCK)};
}

// That a name leads to a file is on disk only when its folder is.
base::Status SyncFolder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const FileDescriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open() || fsync(directory.get()) != 0) return FileError(errno, folder);
  return base::Done{};
}

base::Status Write(std::string_view lines, const FileDescriptor& file, const std::string& path) {
  while (!lines.empty()) {
    const auto count = write(file.get(), lines.data(), lines.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(errno, path);
    lines.remove_prefix(static_cast<std::size_t>(count));
  }
  if (fsync(file.get()) != 0) return FileError(errno, path);
  return base::Done{};
}

bool CannotWrite(int number) { return number == EACCES || number == EPERM || number == EROFS; }

}  // namespace

base::Result<JournalFile::Opened> JournalFile::Open(const std::string& path) {
  FileDescriptor descriptor(open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, kMode));
  std::optional<Error> read_only;
  if (!descriptor.open() && CannotWrite(errno)) {
    read_only = FileError(errno, path);
    descriptor = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptor.open()) return *read_only;
  }
  if (!descriptor.open()) return FileError(errno, path);
  if (!read_only) {
    if (const auto locked = Lock(descriptor, path); !locked.ok()) return locked.error();
    if (const auto synced = SyncFolder(path); !synced.ok()) return synced.error();
  }
  auto text = ReadAll(descriptor, path);
  if (!text.ok()) return text.error();
  Opened opened{JournalFile(path, std::move(descriptor)), *std::move(text), 0};
  const auto whole = opened.text.rfind('\n') + 1;  // npos + 1 is 0
  opened.torn_bytes = opened.text.size() - whole;
  opened.text.resize(whole);
  opened.file.size_ = whole;
  opened.file.read_only_ = std::move(read_only);
  if (opened.torn_bytes > 0 && !opened.file.read_only_ &&
      ftruncate(opened.file.file_.get(), static_cast<off_t>(whole)) != 0)
    return FileError(errno, path);
  return opened;
}

base::Status JournalFile::Append(std::string_view lines) {
  if (read_only_) return *read_only_;
  auto written = Write(lines, file_, path_);
  if (written.ok()) {
    size_ += lines.size();
  } else if (ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
    return FileError(errno, path_);  // a torn line, which the next line would be glued to: the caller replaces the file
  }
  return written;
}

base::Status JournalFile::Replace(std::string_view lines) {
  if (read_only_) return *read_only_;
  const std::string next = path_ + ".new", former = path_ + ".1";
  FileDescriptor file(open(next.c_str(), O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
  if (!file.open()) return FileError(errno, next);
  // Locked before it has the name: nobody can come between.
  if (auto locked = Lock(file, next); !locked.ok()) return locked;
  if (auto written = Write(lines, file, next); !written.ok()) {
    unlink(next.c_str());
    return written;
  }
  // A file system without hard links keeps no former one: better than a moment without any.
  unlink(former.c_str());
  (void)link(path_.c_str(), former.c_str());
  if (rename(next.c_str(), path_.c_str()) != 0) return FileError(errno, path_);
  file_ = std::move(file);
  size_ = lines.size();
  return SyncFolder(path_);
}

bool JournalFile::InPlace() const {
  struct stat here{};
  struct stat there{};
  return fstat(file_.get(), &here) == 0 && stat(path_.c_str(), &there) == 0 && here.st_dev == there.st_dev &&
         here.st_ino == there.st_ino;
}

}  // namespace pgvigil::failover
