// The records of one WAL segment, one after the other: pages undone, checksums checked.
// Source: access/xlog_internal.h, access/xlogrecord.h, access/transam/xlogreader.c; the same from PostgreSQL 13 to 18.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wal/commits.h"
#include "wal/segment.h"

namespace pgvigil::wal {

struct Record {
  Lsn begin;
  Lsn end;                 // where the next one may begin: 8-byte aligned, at most the segment's end
  std::uint8_t rmgr = 0;   // resource manager (access/rmgrlist.h)
  std::uint8_t info = 0;   // its high half belongs to the resource manager
  std::string_view bytes;  // all of it, without page headers, beginning with XLogRecord; until the next Next()
};

class RecordReader {
 public:
  // `header` is what ReadSegmentHeader says of `segment`, which outlives the reader.
  RecordReader(const SegmentHeader& header, std::string_view segment);

  // Nothing at the end: of the bytes, of the WAL in them, at a switch of segments, or at a record that goes on in the
  // next segment. malformed (subject: the LSN): a record that is none. After either, it says the same again.
  base::Result<std::optional<Record>> Next();

 private:
  // kAgain: the record in work was given up by a server that crashed; at_ is where the next one begins.
  enum class Step { kRead, kAgain, kEnd, kBroken };

  Step Read(Record& record);
  Step SkipContinuation();
  Step Locate();
  Step Gather(std::uint32_t length);
  Step EnterContinuation(std::uint32_t left);
  Step Check(Record& record);
  Step Broken(std::string_view expected);

  bool EnterPage(std::uint64_t page);
  std::uint64_t PageEnd() const { return at_ - at_ % header_.page_size + header_.page_size; }

  const SegmentHeader header_;
  const std::string_view segment_;
  std::uint64_t at_ = 0;       // offset of what is read next
  std::uint64_t record_ = 0;   // offset of the record in work
  std::optional<Lsn> before_;  // begin of the last record that was whole
  std::uint32_t timeline_;     // of the last page; never falls
  Step ended_ = Step::kRead;   // how, once it has
  std::string_view bytes_;     // of the record in work: in segment_, or gathered_ from several pages
  std::string gathered_;
  std::string_view problem_;
};

}  // namespace pgvigil::wal
