// What a file of a WAL archive is, by its name: segment, partial segment, backup label, timeline history, with the
// suffix that the archiving tool added. Source: access/xlog_internal.h; barman's xlog.py for the suffixes.
// Pure values, safe to use from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wal/segment.h"

namespace pgvigil::wal {

enum class Compression { kNone, kGzip, kBzip2, kXz, kSnappy, kLz4, kZstd };
std::string_view Name(Compression compression);    // "none", "gzip", ...
std::string_view Suffix(Compression compression);  // "", ".gz", ".bz2", ".xz", ".snappy", ".lz4", ".zst"

// Takes a known compression suffix off the end of `name`.
Compression StripSuffix(std::string_view& name);

enum class FileKind { kSegment, kPartial, kBackupLabel, kHistory };

// 24 hexadecimal digits before the segment size is known: as they stand in the name.
struct RawSegment {
  std::uint32_t timeline = 0;
  std::uint32_t unit = 0;    // of 4 GiB
  std::uint32_t within = 0;  // segment within the unit

  friend auto operator<=>(const RawSegment&, const RawSegment&) = default;
};

struct ArchiveFile {
  FileKind kind = FileKind::kSegment;
  RawSegment segment;                          // for a history only `timeline` counts
  std::optional<std::uint32_t> backup_offset;  // of a backup label: where in the segment the backup begins
  Compression compression = Compression::kNone;
};

// "000000010000000A000000FF.gz", "….partial", "….00000028.backup.zst", "00000002.history". Nothing for any other name:
// an archive holds files of other kinds. Upper-case digits only, timeline from 1 on.
std::optional<ArchiveFile> ParseFileName(std::string_view name);

// pgBackRest's "000000010000000A000000FF[.partial]-<40 hex digits of sha1>[.gz|.lz4|.zst|.bz2]"; its labels and
// histories have PostgreSQL's names.
std::optional<ArchiveFile> ParseBackrestName(std::string_view name);

// Nothing if `within` cannot be with this segment size.
std::optional<Segment> Resolve(const RawSegment& raw, SegmentSize size);

std::string HistoryName(std::uint32_t timeline);  // "0000000A.history"

}  // namespace pgvigil::wal
