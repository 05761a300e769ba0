#include "archive/reader.h"
#include "wal/commits.h"

namespace pgvigil::archive {

base::Result<std::optional<cluster::ArchiveContents::LastCommitted>> LastCommitBefore(
    Reader& reader, const wal::Path& path, wal::Lsn end, wal::SegmentSize size, int most,
    base::SteadyTime::duration within) {
  using LastCommitted = cluster::ArchiveContents::LastCommitted;
  if (end.bytes == 0) return std::optional<LastCommitted>();
  auto number = (end.bytes - 1) / size.bytes();
  for (int looked = 0; looked < most; ++looked, --number) {
    const auto segment = path.SegmentOf(number, size);
    const auto bytes = reader.ReadSegment(segment, within);
    // Older than what is kept: nothing is known of what was committed there.
    if (!bytes.ok() && bytes.error().kind == base::ErrorKind::kNotFound) return std::optional<LastCommitted>();
    if (!bytes.ok()) return bytes.error();
    const auto found = wal::FindLastCommit(std::string_view(*bytes).substr(0, end.bytes - number * size.bytes()));
    if (!found.ok()) return found.error();
    if (*found) return std::optional(LastCommitted{segment, (*found)->at, (*found)->end});
    if (number == 0) break;
  }
  return std::optional<LastCommitted>();
}

}  // namespace pgvigil::archive
