// Reads segments of WAL for what is in them: the last commit before a position, and whether they are WAL of the cluster
// at all. A listing shows names and lengths alone; a segment of the right length may be zeros, cut in its compressed
// stream, or another cluster's.
// Thread rules: belongs to one thread and blocks it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "archive/reader.h"
#include "wal/commits.h"
#include "wal/timeline.h"

namespace pgvigil::archive {

class WalReading {
 public:
  // `system_identifier`: of the cluster; empty: unknown, and the first segment that is read tells it. The reader
  // outlives it.
  WalReading(Reader& reader, wal::SegmentSize size, base::SteadyTime::duration within, std::string system_identifier)
      : reader_(reader), size_(size), within_(within), system_identifier_(std::move(system_identifier)) {}

  struct Content {
    std::uint64_t bytes = 0;  // uncompressed
    std::optional<wal::LastCommit> last_commit;
  };
  // One segment, up to `end` or whole. Errors are the store's, and malformed (subject: the file's name) for one that is
  // damaged: recovery would stop at it.
  base::Result<Content> Read(const wal::Segment& segment, std::optional<wal::Lsn> end = {});

  // The last commit or abort that ended at or before `end` in the contiguous WAL: reads segments backwards along
  // `path`, at most `most`. Absent: none of them holds one.
  base::Result<std::optional<cluster::ArchiveContents::LastCommitted>> LastCommitBefore(const wal::Path& path,
                                                                                        wal::Lsn end, int most);

  // Those that were read and are damaged, and why.
  const std::map<wal::Segment, std::string>& damaged() const { return damaged_; }
  const std::string& system_identifier() const { return system_identifier_; }

 private:
  base::Result<Content> Look(const wal::Segment& segment, std::string_view bytes);

  Reader& reader_;
  const wal::SegmentSize size_;
  const base::SteadyTime::duration within_;
  std::string system_identifier_;
  std::map<wal::Segment, std::string> damaged_;
};

}  // namespace pgvigil::archive
