// WAL as a server writes it, for tests: records, pages and segments made by rules of their own, none of the reader's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::wal {

// The sum bit by bit.
inline std::uint32_t SlowCrc32c(std::string_view bytes) {
  std::uint32_t sum = 0xFFFFFFFF;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1) != 0 ? (sum >> 1) ^ 0x82F63B78 : sum >> 1;
  }
  return ~sum;
}

template <typename Unsigned>
std::string Bytes(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

// Main data behind the short or the long header.
inline std::string Main(const std::string& data) {
  if (data.size() < 256) return Bytes(std::uint8_t{255}) + Bytes(static_cast<std::uint8_t>(data.size())) + data;
  return Bytes(std::uint8_t{254}) + Bytes(static_cast<std::uint32_t>(data.size())) + data;
}

class WalWriter {
 public:
  struct Written {
    std::uint64_t begin;  // positions in WAL
    std::uint64_t end;
  };

  WalWriter(std::uint16_t magic, std::uint64_t start, std::uint32_t page = 8192, std::uint32_t segment = 1 << 20)
      : magic_(magic), start_(start), page_(page), segment_(segment), previous_(start > 0 ? start - 8 : 0) {}

  std::uint32_t timeline = 1;              // of the pages to come
  std::uint64_t system_identifier = 7000;  // likewise

  // One record; `parts` is what follows XLogRecord.
  Written Write(std::uint8_t rmgr, std::uint8_t info, const std::string& parts) {
    StartPage(0, 0);
    const auto begin = here();
    Put(Record(rmgr, info, parts));
    previous_ = begin;
    return {begin, here()};
  }
  Written Commit(std::int64_t microseconds, std::uint8_t operation = 0x00) {
    return Write(1, operation, Main(Bytes(static_cast<std::uint64_t>(microseconds)) + "more"));
  }
  Written Fill(std::size_t bytes) { return Write(10, 0, Main(std::string(bytes, 'f'))); }

  // As a server does that crashed before the record was whole: the next one begins at the end of this page.
  void GiveUp(const std::string& parts) {
    StartPage(0, 0);
    const auto record = Record(10, 0, parts);
    bytes_ += record.substr(0, page_ - bytes_.size() % page_);
    StartPage(0x0008, 0);
    Write(0, 0xD0, Main(Bytes(previous_) + Bytes(std::uint64_t{0})));
  }

  // A switch: the rest of the segment is zero.
  Written Switch() {
    StartPage(0, 0);
    const auto begin = here();
    Put(Record(0, 0x40, ""));
    bytes_.resize((bytes_.size() + segment_ - 1) / segment_ * segment_);
    previous_ = begin;
    return {begin, here()};
  }

  std::uint64_t here() const { return start_ + bytes_.size(); }
  const std::string& bytes() const { return bytes_; }
  std::string Segment(std::size_t number) const { return bytes_.substr(number * segment_, segment_); }

 private:
  std::string Record(std::uint8_t rmgr, std::uint8_t info, const std::string& parts) const {
    const auto head = Bytes(static_cast<std::uint32_t>(24 + parts.size())) + Bytes(std::uint32_t{700}) +
                      Bytes(previous_) + Bytes(info) + Bytes(rmgr) + std::string(2, '\0');
    return head + Bytes(SlowCrc32c(parts + head)) + parts;
  }

  void StartPage(std::uint16_t info, std::uint32_t left) {
    if (bytes_.size() % page_ != 0) return;
    const bool is_long = bytes_.size() % segment_ == 0;
    bytes_ += Bytes(magic_) + Bytes(static_cast<std::uint16_t>(info | (is_long ? 2 : 0))) + Bytes(timeline) +
              Bytes(here()) + Bytes(left) + std::string(4, '\0');
    if (is_long) bytes_ += Bytes(system_identifier) + Bytes(segment_) + Bytes(page_);
  }

  void Put(std::string_view record) {
    while (true) {
      const auto some = std::min<std::size_t>(record.size(), page_ - bytes_.size() % page_);
      bytes_ += record.substr(0, some);
      record.remove_prefix(some);
      if (record.empty()) break;
      StartPage(0x0001, static_cast<std::uint32_t>(record.size()));
    }
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
  }

  std::uint16_t magic_;
  std::uint64_t start_;
  std::uint32_t page_;
  std::uint32_t segment_;
  std::uint64_t previous_;
  std::string bytes_;
};

}  // namespace pgvigil::wal
