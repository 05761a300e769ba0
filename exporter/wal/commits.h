// The last commit or abort in a piece of WAL: what "the timestamp of the last commit" is read from where no SQL history
// exists. Reads pages and record headers of PostgreSQL 13 to 18 (page magics 0xD106, 0xD10D, 0xD110, 0xD113, 0xD116,
// 0xD118), follows records across pages, and looks into those of the transaction resource manager alone.
// Source: access/xlog_internal.h, access/xlogrecord.h, access/xact.h. Pure: sees bytes, decompresses nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "wal/segment.h"

namespace pgvigil::wal {

// What the first page of a segment says of itself (XLogLongPageHeaderData). Where a timeline begins inside a segment,
// the page is a copy of the parent's, and `timeline` is the parent.
struct SegmentHeader {
  std::uint16_t magic = 0;  // 0xD1..: any release's since 10
  std::uint32_t timeline = 0;
  Lsn start;
  std::uint64_t system_identifier = 0;
  std::uint32_t segment_size = 0;
  std::uint32_t page_size = 0;

  // 13 to 18; absent for a magic of no release that is known.
  std::optional<int> Major() const;
};

// Looks at the first 40 bytes. malformed: they are no such header of a little-endian server.
base::Result<SegmentHeader> ReadSegmentHeader(std::string_view segment);

struct LastCommit {
  base::WallTime at;  // the server's clock
  Lsn record;         // where its record begins
  Lsn end;            // where it ends: recovery to `at` needs WAL up to here
};

// Of one whole segment, or its beginning: the last by position. A record that began in the segment before is skipped;
// one that goes on into the next does not count, nor does what a crashed server gave up. Absent: the segment holds no
// commit and no abort. Reading ends without error at a switch of segments, at the first page that belongs to another
// place in the WAL (a recycled segment's rest) or is zero. malformed (subject: the LSN): the first page is none, there
// is more than one segment, or a record's CRC or length is wrong before the segment's end. unsupported: of no release
// from 13 to 18.
base::Result<std::optional<LastCommit>> FindLastCommit(std::string_view segment);

}  // namespace pgvigil::wal
