#include "metrics/gzip.h"

#include <zlib.h>

#include <stdexcept>

namespace pgvigil::metrics {

std::string Gzip(std::string_view text) {
  constexpr int kLevel = 1;             // half the time of level 6 for a page that is a sixth larger
  constexpr int kGzipWindow = 15 + 16;  // the largest window, with gzip's frame
  constexpr int kMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib cannot start");  // out of memory
  }
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib's interface lacks the const
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("zlib did not finish");
  return packed;
}

}  // namespace pgvigil::metrics
