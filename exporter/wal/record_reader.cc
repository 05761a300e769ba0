#include "wal/record_reader.h"

#include <algorithm>

#include "wal/bytes.h"
#include "wal/crc32c.h"

namespace pgvigil::wal {
namespace {

// XLogPageHeaderData, and XLogLongPageHeaderData of a segment's first page.
constexpr std::uint64_t kShortHeader = 24;
constexpr std::uint64_t kLongHeader = 40;
constexpr std::size_t kInfoAt = 2;
constexpr std::size_t kTimelineAt = 4;
constexpr std::size_t kAddressAt = 8;
constexpr std::size_t kRemainingAt = 16;
constexpr std::uint16_t kFirstIsContinuation = 0x0001;
constexpr std::uint16_t kFirstIsOverwritten = 0x0008;

// XLogRecord.
constexpr std::uint32_t kRecordHeader = 24;
constexpr std::uint32_t kMostOfARecord = 1 << 30;  // XLogRecordMaxSize is a little less, MaxAllocSize before 16, too
constexpr std::size_t kPreviousAt = 8;
constexpr std::size_t kRecordInfoAt = 16;
constexpr std::size_t kRmgrAt = 17;
constexpr std::size_t kCrcAt = 20;

constexpr std::uint8_t kXlogRmgr = 0;
constexpr std::uint8_t kXlogSwitch = 0x40;
constexpr std::uint8_t kRmgrInfo = 0xF0;

constexpr std::uint64_t Aligned(std::uint64_t offset) { return (offset + 7) & ~std::uint64_t{7}; }

std::uint64_t HeaderSize(std::uint64_t page) { return page == 0 ? kLongHeader : kShortHeader; }

// The data behind the header first, then the header up to its sum.
bool ChecksumHolds(std::string_view record) {
  const auto data = Crc32c(record.substr(kRecordHeader));
  return Crc32c(record.substr(0, kCrcAt), data) == LittleEndian<std::uint32_t>(record, kCrcAt);
}

}  // namespace

RecordReader::RecordReader(const SegmentHeader& header, std::string_view segment)
    : header_(header), segment_(segment.substr(0, header.segment_size)), timeline_(header.timeline) {}

base::Result<std::optional<Record>> RecordReader::Next() {
  Record record;
  auto step = ended_;
  if (step == Step::kRead && at_ == 0) step = SkipContinuation();
  if (step == Step::kRead) {
    do step = Read(record);
    while (step == Step::kAgain);
  }
  if (step == Step::kRead) return std::optional(record);
  ended_ = step;
  if (step == Step::kEnd) return std::optional<Record>{};
  return base::Error{base::ErrorKind::kMalformed, std::string(problem_), Format({header_.start.bytes + record_}), {}};
}

RecordReader::Step RecordReader::Read(Record& record) {
  if (const auto step = Locate(); step != Step::kRead) return step;
  record_ = at_;
  if (at_ + sizeof(std::uint32_t) > segment_.size()) return Step::kEnd;
  const auto length = LittleEndian<std::uint32_t>(segment_, at_);
  if (length == 0) return Step::kEnd;
  if (length < kRecordHeader || length > kMostOfARecord) return Broken("expected a WAL record, found no length of one");
  if (const auto step = Gather(length); step != Step::kRead) return step;
  return Check(record);
}

// Whether the page is there and belongs here.
bool RecordReader::EnterPage(std::uint64_t page) {
  if (page + HeaderSize(page) > segment_.size()) return false;
  if (LittleEndian<std::uint16_t>(segment_, page) != header_.magic) return false;
  if (LittleEndian<std::uint64_t>(segment_, page + kAddressAt) != header_.start.bytes + page) return false;
  const auto timeline = LittleEndian<std::uint32_t>(segment_, page + kTimelineAt);
  if (timeline < timeline_) return false;
  timeline_ = timeline;
  return true;
}

// Goes behind what belongs to a record that began in the segment before.
RecordReader::Step RecordReader::SkipContinuation() {
  for (std::uint64_t page = 0;; page += header_.page_size) {
    at_ = record_ = page;
    if (!EnterPage(page)) return Step::kEnd;
    if ((LittleEndian<std::uint16_t>(segment_, page + kInfoAt) & kFirstIsContinuation) == 0) return Step::kRead;
    const auto left = LittleEndian<std::uint32_t>(segment_, page + kRemainingAt);
    if (left == 0) return Broken("expected the rest of a WAL record, found one without length");
    at_ = page + HeaderSize(page) + Aligned(left);
    if (at_ < page + header_.page_size) return Step::kRead;
  }
}

// Goes behind a page's header, if that comes next.
RecordReader::Step RecordReader::Locate() {
  if (at_ >= segment_.size()) return Step::kEnd;
  if (at_ % header_.page_size != 0) return Step::kRead;
  record_ = at_;
  if (!EnterPage(at_)) return Step::kEnd;
  if ((LittleEndian<std::uint16_t>(segment_, at_ + kInfoAt) & kFirstIsContinuation) != 0) {
    return Broken("expected a page that begins with a WAL record, found the rest of one");
  }
  at_ += HeaderSize(at_);
  return Step::kRead;
}

// Makes bytes_ the record's, and leaves at_ behind it.
RecordReader::Step RecordReader::Gather(std::uint32_t length) {
  const bool in_one_page = length <= PageEnd() - at_;
  gathered_.clear();
  for (std::uint32_t left = length;;) {
    const auto some = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, PageEnd() - at_));
    if (at_ + some > segment_.size()) return Step::kEnd;
    bytes_ = segment_.substr(at_, some);
    at_ += some;
    if (in_one_page) return Step::kRead;
    gathered_ += bytes_;
    left -= some;
    if (left == 0) break;
    if (const auto step = EnterContinuation(left); step != Step::kRead) return step;
  }
  bytes_ = gathered_;
  return Step::kRead;
}

// Enters the page at at_, which goes on with the record in work.
RecordReader::Step RecordReader::EnterContinuation(std::uint32_t left) {
  if (!EnterPage(at_)) return Step::kEnd;
  const auto info = LittleEndian<std::uint16_t>(segment_, at_ + kInfoAt);
  if ((info & kFirstIsOverwritten) != 0) return Step::kAgain;
  if ((info & kFirstIsContinuation) == 0 || LittleEndian<std::uint32_t>(segment_, at_ + kRemainingAt) != left) {
    return Broken("expected a WAL record that goes on in the next page, found other lengths there");
  }
  at_ += kShortHeader;
  return Step::kRead;
}

RecordReader::Step RecordReader::Check(Record& record) {
  if (!ChecksumHolds(bytes_)) return Broken("expected a WAL record, found one with a wrong checksum");
  const Lsn begin{header_.start.bytes + record_};
  const Lsn previous{LittleEndian<std::uint64_t>(bytes_, kPreviousAt)};
  // A whole record that follows another one than ours stood here before this segment was recycled.
  if (before_ ? previous != *before_ : previous >= begin) return Step::kEnd;
  before_ = begin;
  record.rmgr = static_cast<std::uint8_t>(bytes_[kRmgrAt]);
  record.info = static_cast<std::uint8_t>(bytes_[kRecordInfoAt]);
  record.bytes = bytes_;
  at_ = Aligned(at_);
  if (record.rmgr == kXlogRmgr && (record.info & kRmgrInfo) == kXlogSwitch) at_ = header_.segment_size;
  record.begin = begin;
  record.end = {header_.start.bytes + at_};
  return Step::kRead;
}

RecordReader::Step RecordReader::Broken(std::string_view expected) {
  problem_ = expected;
  return Step::kBroken;
}

}  // namespace pgvigil::wal
