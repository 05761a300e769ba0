#include "wal/commits.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <limits>

#include "wal/bytes.h"
#include "wal/record_reader.h"

namespace pgvigil::wal {
namespace {

// XLogLongPageHeaderData.
constexpr std::size_t kLongHeader = 40;
constexpr std::uint16_t kHasLongHeader = 0x0002;
constexpr std::uint64_t kLeastPage = 1024;  // configure --with-wal-blocksize
constexpr std::uint64_t kMostPage = 65536;

constexpr std::size_t kRecordHeader = 24;
constexpr std::uint8_t kTransactionRmgr = 1;
constexpr std::chrono::microseconds kPostgresEpoch =
    std::chrono::sys_days{std::chrono::January / 1 / 2000}.time_since_epoch();

base::Error Malformed(std::string_view what, Lsn at) {
  return {base::ErrorKind::kMalformed, std::string(what), Format(at), {}};
}

// access/xact.h: XLOG_XACT_COMMIT, _ABORT, _COMMIT_PREPARED, _ABORT_PREPARED; what else there is ends no transaction.
bool EndsATransaction(const Record& record) {
  constexpr std::uint8_t kOperation = 0x70;
  if (record.rmgr != kTransactionRmgr) return false;
  const int operation = record.info & kOperation;
  return operation == 0x00 || operation == 0x20 || operation == 0x30 || operation == 0x40;
}

// Walks over the headers of a record's parts (access/xlogrecord.h) as far as its main data, which stands at the end.
class PartHeaders {
 public:
  PartHeaders(std::string_view record, int major) : left_(record.substr(kRecordHeader)), major_(major) {}

  // Nothing if they are none.
  std::optional<std::string_view> MainData() {
    constexpr std::uint8_t kShort = 255;
    constexpr std::uint8_t kLong = 254;
    constexpr std::uint8_t kOrigin = 253;
    constexpr std::uint8_t kTopLevelXid = 252;
    constexpr std::uint8_t kLastBlock = 32;
    while (const auto id = Take<std::uint8_t>()) {
      if (*id == kShort) return Last(Take<std::uint8_t>());
      if (*id == kLong) return Last(Take<std::uint32_t>());
      if (*id == kOrigin) {
        Skip(2);
      } else if (*id == kTopLevelXid) {
        Skip(4);
      } else if (*id > kLastBlock || !SkipBlock()) {
        break;
      }
    }
    return std::nullopt;
  }

 private:
  template <typename Unsigned>
  std::optional<Unsigned> Take() {
    if (left_.size() < sizeof(Unsigned)) return std::nullopt;
    const auto value = LittleEndian<Unsigned>(left_, 0);
    left_.remove_prefix(sizeof(Unsigned));
    return value;
  }

  void Skip(std::size_t bytes) { left_.remove_prefix(std::min(bytes, left_.size())); }

  bool SkipBlock() {
    constexpr std::uint8_t kHasImage = 0x10;
    constexpr std::uint8_t kSameRelation = 0x80;
    const auto flags = Take<std::uint8_t>();
    const auto data = Take<std::uint16_t>();
    if (!flags || !data) return false;
    content_ += *data;
    if ((*flags & kHasImage) != 0 && !SkipImage()) return false;
    if ((*flags & kSameRelation) == 0) Skip(12);
    Skip(4);
    return true;
  }

  bool SkipImage() {
    constexpr std::uint8_t kHasHole = 0x01;
    const std::uint8_t compressed = major_ < 15 ? 0x02 : 0x04 | 0x08 | 0x10;
    const auto length = Take<std::uint16_t>();
    Skip(2);
    const auto info = Take<std::uint8_t>();
    if (!length || !info) return false;
    content_ += *length;
    if ((*info & kHasHole) != 0 && (*info & compressed) != 0) Skip(2);
    return true;
  }

  // What is left is the content of all blocks, and main data of this length.
  template <typename Unsigned>
  std::optional<std::string_view> Last(std::optional<Unsigned> length) const {
    if (!length || left_.size() != content_ + *length) return std::nullopt;
    return left_.substr(content_);
  }

  std::string_view left_;
  std::size_t content_ = 0;
  int major_;
};

// xact_time, with which the main data of each of those records begins: microseconds since 2000.
std::optional<base::WallTime> TransactionTime(const Record& record, int major) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max() - kPostgresEpoch.count();
  const auto data = PartHeaders(record.bytes, major).MainData();
  if (!data || data->size() < sizeof(std::int64_t)) return std::nullopt;
  const auto time = static_cast<std::int64_t>(LittleEndian<std::uint64_t>(*data, 0));
  if (time > kMost) return std::nullopt;
  return base::WallTime{std::chrono::microseconds{time} + kPostgresEpoch};
}

bool IsPowerOfTwo(std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  return std::has_single_bit(value) && value >= least && value <= most;
}

}  // namespace

std::optional<int> SegmentHeader::Major() const {
  constexpr std::array<std::uint16_t, 6> kMagics{0xD106, 0xD10D, 0xD110, 0xD113, 0xD116, 0xD118};
  const auto found = std::ranges::find(kMagics, magic);
  if (found == kMagics.end()) return std::nullopt;
  return 13 + static_cast<int>(found - kMagics.begin());
}

base::Result<SegmentHeader> ReadSegmentHeader(std::string_view segment) {
  constexpr std::string_view kExpected = "expected the first page of a WAL segment";
  if (segment.size() < kLongHeader) return Malformed(kExpected, {});
  SegmentHeader header;
  header.magic = LittleEndian<std::uint16_t>(segment, 0);
  header.timeline = LittleEndian<std::uint32_t>(segment, 4);
  header.start = {LittleEndian<std::uint64_t>(segment, 8)};
  header.system_identifier = LittleEndian<std::uint64_t>(segment, 24);
  header.segment_size = LittleEndian<std::uint32_t>(segment, 32);
  header.page_size = LittleEndian<std::uint32_t>(segment, 36);
  const bool magic = (header.magic >> 8) == 0xD1;  // since 2017; the low half counts changes of the format
  const bool is_long = (LittleEndian<std::uint16_t>(segment, 2) & kHasLongHeader) != 0;
  const bool sizes =
      SegmentSize::FromBytes(header.segment_size).ok() && IsPowerOfTwo(header.page_size, kLeastPage, kMostPage);
  if (!magic || !is_long || !sizes || header.timeline == 0 || header.start.bytes % header.segment_size != 0) {
    return Malformed(kExpected, header.start);
  }
  return header;
}

base::Result<std::optional<LastCommit>> FindLastCommit(std::string_view segment) {
  const auto header = ReadSegmentHeader(segment);
  if (!header.ok()) return header.error();
  const auto major = header->Major();
  if (!major) {
    return base::Error{base::ErrorKind::kUnsupported, "expected WAL of PostgreSQL 13 to 18", Format(header->start), {}};
  }
  if (segment.size() > header->segment_size) return Malformed("expected no more than one WAL segment", header->start);
  std::optional<LastCommit> last;
  RecordReader records(*header, segment);
  while (true) {
    const auto record = records.Next();
    if (!record.ok()) return record.error();
    if (!*record) return last;
    if (!EndsATransaction(**record)) continue;
    const auto at = TransactionTime(**record, *major);
    if (!at) return Malformed("expected a commit or an abort with its time", (*record)->begin);
    last = LastCommit{*at, (*record)->begin, (*record)->end};
  }
}

}  // namespace pgvigil::wal
