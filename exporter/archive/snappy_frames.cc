#include "archive/snappy_frames.h"

#include <snappy.h>

#include "wal/crc32c.h"

namespace pgvigil::archive {
namespace {

constexpr unsigned char kCompressed = 0x00;
constexpr unsigned char kUncompressed = 0x01;
constexpr unsigned char kFirstSkippable = 0x80;
constexpr unsigned char kStreamIdentifier = 0xff;
constexpr std::size_t kHeader = 4;  // type, three bytes of length
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kPlainAtMost = 65536;

base::Error Malformed(std::string_view what) {
  return {base::ErrorKind::kMalformed, "snappy stream: " + std::string(what), {}, {}};
}

std::uint32_t LittleEndian(std::string_view bytes, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

// The format stores checksums rotated and offset, so that a checksum of checksums stays good.
std::uint32_t Masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

}  // namespace

base::Status SnappyFrames::Feed(std::string_view compressed, const Sink& sink) {
  pending_.append(compressed);
  std::string_view rest = pending_;
  while (rest.size() >= kHeader) {
    const auto length = LittleEndian(rest.substr(1), 3);
    if (rest.size() < kHeader + length) break;
    const auto more = Chunk(static_cast<unsigned char>(rest[0]), rest.substr(kHeader, length), sink);
    if (!more.ok()) return more.error();
    rest.remove_prefix(kHeader + length);
    if (!*more) break;
  }
  pending_.erase(0, pending_.size() - rest.size());
  return base::Done{};
}

base::Result<bool> SnappyFrames::Chunk(unsigned char type, std::string_view body, const Sink& sink) {
  if (type == kStreamIdentifier) {
    if (body != "sNaPpY") return Malformed("the stream identifier is wrong");
    identified_ = true;
    return true;
  }
  if (!identified_) return Malformed("it does not begin with a stream identifier");
  if (type >= kFirstSkippable) return true;
  if (type != kCompressed && type != kUncompressed) return Malformed("a chunk of a kind that may not be skipped");
  if (body.size() < kChecksum) return Malformed("a chunk is too short");
  const auto expected = LittleEndian(body, kChecksum);
  body.remove_prefix(kChecksum);
  if (type == kCompressed) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(body.data(), body.size(), &size) || size > kPlainAtMost ||
        !snappy::Uncompress(body.data(), body.size(), &plain_))
      return Malformed("a chunk makes no sense");
    body = plain_;
  }
  if (body.size() > kPlainAtMost) return Malformed("a chunk is too long");
  if (Masked(wal::Crc32c(body)) != expected) return Malformed("a checksum is wrong");
  return body.empty() || sink(body);
}

base::Status SnappyFrames::Finish() {
  if (!pending_.empty() || !identified_) return Malformed("it ends too early");
  return base::Done{};
}

}  // namespace pgvigil::archive
