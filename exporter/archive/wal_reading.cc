#include "archive/wal_reading.h"

namespace pgvigil::archive {
namespace {

using cluster::ArchiveContents;

base::Error Malformed(std::string what) { return {base::ErrorKind::kMalformed, std::move(what), {}, {}}; }

bool IsDamage(const base::Error& error) {
  return error.kind == base::ErrorKind::kMalformed || error.kind == base::ErrorKind::kLimit;
}

}  // namespace

base::Result<WalReading::Content> WalReading::Read(const wal::Segment& segment, std::optional<wal::Lsn> end) {
  const auto bytes = reader_.ReadSegment(segment, within_);
  auto content = bytes.ok() ? Look(segment, std::string_view(*bytes).substr(
                                                0, end ? end->bytes - wal::Start(segment, size_).bytes : bytes->size()))
                            : bytes.error();
  if (content.ok() || !IsDamage(content.error())) return content;
  auto error = content.error();
  damaged_[segment] = error.message;
  error.kind = base::ErrorKind::kMalformed;
  if (bytes.ok()) error.subject = wal::FileName(segment, size_);
  return error;
}

base::Result<WalReading::Content> WalReading::Look(const wal::Segment& segment, std::string_view bytes) {
  const auto header = wal::ReadSegmentHeader(bytes);
  if (!header.ok()) return Malformed("it does not begin as WAL does");
  if (header->start != wal::Start(segment, size_))
    return Malformed("it holds the WAL from " + wal::Format(header->start) + " on: it lies under a wrong name");
  const auto identifier = std::to_string(header->system_identifier);
  if (system_identifier_.empty()) system_identifier_ = identifier;
  if (identifier != system_identifier_)
    return Malformed("it is of another cluster: expected system identifier " + system_identifier_ + ", found " +
                     identifier);
  const auto last = wal::FindLastCommit(bytes);
  if (last.ok()) return Content{bytes.size(), *last};
  auto error = last.error();
  if (error.kind == base::ErrorKind::kMalformed) error.message += " at " + error.subject;
  return error;
}

base::Result<std::optional<ArchiveContents::LastCommitted>> WalReading::LastCommitBefore(const wal::Path& path,
                                                                                         wal::Lsn end, int most) {
  using LastCommitted = ArchiveContents::LastCommitted;
  if (end.bytes == 0) return std::optional<LastCommitted>();
  auto number = (end.bytes - 1) / size_.bytes();
  for (int looked = 0; looked < most; ++looked, --number) {
    const auto segment = path.SegmentOf(number, size_);
    const auto content = Read(segment, std::min(end, wal::Lsn{(number + 1) * size_.bytes()}));
    // Older than what is kept: nothing is known of what was committed there.
    if (!content.ok() && content.error().kind == base::ErrorKind::kNotFound) return std::optional<LastCommitted>();
    if (!content.ok()) return content.error();
    if (const auto& found = content->last_commit) return std::optional(LastCommitted{segment, found->at, found->end});
    if (number == 0) break;
  }
  return std::optional<LastCommitted>();
}

}  // namespace pgvigil::archive
