// The stream formats that archiving tools compress WAL and backups with, read by the libraries that Debian has: gzip,
// bzip2, xz, lz4 frames, zstd, and the snappy framing format (python-snappy's, as barman writes it). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wal/file_name.h"

namespace pgvigil::archive {

// Takes compressed bytes as they come and gives plain ones to a sink. Not thread-safe.
class Decompressor {
 public:
  using Sink = std::function<bool(std::string_view plain)>;  // false: enough, which is no error

  virtual ~Decompressor() = default;
  // malformed: this is no such stream, or a checksum in it is wrong.
  virtual base::Status Feed(std::string_view compressed, const Sink& sink) = 0;
  // At the end of input: malformed if the stream is cut short.
  virtual base::Status Finish() = 0;
};
std::unique_ptr<Decompressor> MakeDecompressor(wal::Compression compression);

// All of it at once; limit if there are more than `most` plain bytes.
base::Result<std::string> Decompress(std::string_view bytes, wal::Compression compression, std::uint64_t most);

}  // namespace pgvigil::archive
