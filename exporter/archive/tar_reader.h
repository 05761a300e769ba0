// A tar as it comes, in pieces: ustar with the long names of GNU and the extended headers of pax, as PostgreSQL and
// Python's tarfile write them. Our own: libarchive pulls through a file-like source and guesses formats, where this
// asks of a stream whether each block of it is right. Bounded: a header, and names of at most 64 KiB, are all that is
// kept. Not thread-safe. Source: POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::archive {

inline constexpr std::size_t kTarBlock = 512;

struct TarEntry {
  std::string name;        // without a leading "./"
  std::uint64_t size = 0;  // bytes of content; 0 of what is no file
  char kind = '0';         // the type flag: '0' a file, '5' a folder, '2' a symbolic link, …
};

// The fields of one block that a long name or an extended header before it does not replace; absent: its checksum or a
// number in it is wrong.
std::optional<TarEntry> ParseTarHeader(std::string_view block);

class TarSink {
 public:
  virtual ~TarSink() = default;
  virtual void Begin(const TarEntry& entry) = 0;
  virtual void Content(std::string_view bytes) = 0;  // of the entry that was begun
  virtual void End() = 0;                            // all of its content was given
};

class TarReader {
 public:
  explicit TarReader(TarSink& sink) : sink_(sink) {}  // which outlives it

  // malformed: this is no tar, or a header of it is damaged; nothing may follow.
  base::Status Feed(std::string_view bytes);
  // malformed: it ends inside a file, or without the two empty blocks that close a tar.
  base::Status Finish() const;

 private:
  enum class Part { kHeader, kContent, kPadding, kBehindEnd };

  base::Status TakeBlock();
  base::Status Extended();
  void BeginEntry(TarEntry entry);
  void EndEntry();
  bool IsExtension() const { return extension_ != '\0'; }

  TarSink& sink_;
  Part part_ = Part::kHeader;
  std::string block_;          // of a header, as far as it came
  std::uint64_t left_ = 0;     // of content or padding
  std::uint64_t padding_ = 0;  // behind this content
  bool zero_block_ = false;    // the block before was empty
  char extension_ = '\0';      // what the content is: 'L', 'K', 'x' or 'g', '\0' a file's own
  std::string extended_;       // its bytes
  std::string current_;        // the entry being read, for errors
  std::optional<std::string> next_name_;
  std::optional<std::uint64_t> next_size_;
};

}  // namespace pgvigil::archive
