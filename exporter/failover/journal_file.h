// The journal on disk: lines appended whole, each on disk when the call returns. Survives a torn last line, a full disk
// (nothing half-written stays), a read-only one (it is read, and not written), and being deleted (InPlace says so).
// Not thread-safe: one thread's. Blocks on the disk.
// Source: fsync(2), flock(2), rename(2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace pgvigil::failover {

class JournalFile {
 public:
  struct Opened;

  // Creates it if it is not there, its folder not. One process at a time: kUnavailable while another holds it. A last
  // line without its end is cut off: it was being written when the machine stopped.
  static base::Result<Opened> Open(const std::string& path);

  // Why it cannot be written, where it can only be read.
  const std::optional<base::Error>& read_only() const { return read_only_; }
  std::uint64_t size() const { return size_; }

  // `lines` with their newlines: all of them are on disk, or none is in the file.
  base::Status Append(std::string_view lines);

  // A new file with these lines takes its place in one step; the former one is kept beside it as `path`.1.
  base::Status Replace(std::string_view lines);

  // Whether `path` still leads to this file: otherwise what is appended is lost with it.
  bool InPlace() const;

 private:
  JournalFile(std::string path, base::FileDescriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  base::FileDescriptor file_;
  std::uint64_t size_ = 0;
  std::optional<base::Error> read_only_;
};

struct JournalFile::Opened {
  JournalFile file;
  std::string text;              // what it holds: whole lines
  std::uint64_t torn_bytes = 0;  // cut off its end
};

}  // namespace pgvigil::failover
