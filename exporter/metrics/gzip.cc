#include "metrics/gzip.h"

#include <zlib.h>

#include <new>
#include <stdexcept>

namespace pgvigil::metrics {

std::string Gzip(std::string_view text) {
  constexpr int kLevel = 1;             // a third of level 6's time for a page that is a quarter larger
  constexpr int kGzipWindow = 15 + 16;  // the largest window, with gzip's frame
  constexpr int kMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib's interface lacks the const
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::logic_error("zlib needed more than its own bound");
  return packed;
}

}  // namespace pgvigil::metrics
