// Reads one archive, whatever tool writes it, into one catalogue of backups and one inventory of WAL. The first pass
// reads the listing of everything, streaming; later ones go on from where each timeline stopped, look at the catalogue
// again, and at one page of what is old, so that deletions are noticed after at most (files / 1,000) passes.
// Thread rules: a reader belongs to one thread at a time and blocks it; what it returns is immutable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/content.h"
#include "base/clock.h"
#include "base/result.h"
#include "cluster/archive_state.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

struct PassOptions {
  base::SteadyTime::duration request_within = std::chrono::seconds(30);  // one request, with its retries
  std::optional<wal::SegmentSize> segment_size;  // as the server says; where nothing in the archive tells it
  // Where the gaps begin that the last reading was judged to have: looked for directly as well. A listing by itself
  // does not know where timelines were left or what backups need.
  std::vector<wal::Segment> missing;
  bool everything = false;                            // read the whole listing again, as `audit` does
  std::function<void(std::uint64_t keys)> progress;   // called now and then while a listing goes on
  std::function<void(const cluster::WalFile&)> file;  // called for each segment, whole or partial, that is listed
};

class Reader {
 public:
  virtual ~Reader() = default;

  // The place for a person: "s3://bucket/path/server".
  virtual std::string Place() const = 0;

  // The store's clock less ours, where its answers tell it.
  virtual std::optional<std::chrono::milliseconds> ClockSkew() const { return std::nullopt; }

  // One consistent reading. An error says which object or listing could not be read, and the former reading stands. One
  // backup whose metadata make no sense is told in the catalogue, and costs nothing else.
  virtual base::Result<std::shared_ptr<const cluster::ArchiveContents>> Pass(const PassOptions& options) = 0;

  // The bytes of a stored segment, uncompressed: at most one segment long.
  virtual base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration within) = 0;

  // Reads all that a backup of the last pass, one that can be restored, is made of.
  virtual BackupContent ReadContent(const cluster::Backup& backup, const ContentOptions& options) = 0;
};

}  // namespace pgvigil::archive
