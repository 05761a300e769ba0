// The WAL half of an archive: keeps the inventory of one folder of WAL from pass to pass, whether its segments lie flat
// (archive_command = 'cp', pg_receivewal) or in folders of one timeline and 4 GiB (barman, pgBackRest). Belongs to its
// reader.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "archive/reader.h"
#include "cluster/wal_inventory.h"
#include "objectstore/store.h"
#include "wal/file_name.h"

namespace pgvigil::archive {

struct WalLayout {
  std::string root;      // "orders/wals/": what every key of it begins with; ends with "/" or is empty
  bool folders = false;  // <16 hex digits>/ between root and segment
  std::optional<wal::ArchiveFile> (*parse)(std::string_view name) = wal::ParseFileName;
};

class WalListing {
 public:
  WalListing(std::shared_ptr<objectstore::Store> store, WalLayout layout, const base::Clock& clock);

  // Brings the inventory up to date. Not touched by a failure but for what was already found to be there.
  base::Status Pass(const PassOptions& options);

  const cluster::WalInventory& inventory() const { return inventory_; }

  // Where a stored segment lies: found by a listing of its name, whatever its suffix.
  base::Result<objectstore::Object> Find(const wal::Segment& segment, base::Deadline deadline);
  // Its bytes, uncompressed; limit if they are more than a segment.
  base::Result<std::string> Read(const wal::Segment& segment, base::SteadyTime::duration within);

 private:
  base::Status FindSegmentSize(const PassOptions& options);
  base::Result<std::optional<wal::SegmentSize>> SizeOf(const objectstore::Object& object, const wal::ArchiveFile& name,
                                                       const PassOptions& options);
  base::Status ListFrom(std::uint32_t timeline, std::string start_after, bool to_the_end, const PassOptions& options);
  base::Status Recheck(const PassOptions& options);
  base::Status LookIntoHoles(const PassOptions& options);
  base::Status ReadHistories(const PassOptions& options);
  base::Status ReadHistory(std::uint32_t timeline, const PassOptions& options);

  void Take(const objectstore::Object& object);
  void TakeSegment(const objectstore::Object& object, const wal::ArchiveFile& name, const wal::Segment& segment);
  // What the inventory holds within (after, up_to] and a page did not show is gone.
  void Forget(const std::string& after, const std::string& up_to, const wal::SegmentSet& seen);
  std::string KeyOf(const wal::Segment& segment) const;  // without a suffix
  std::optional<wal::Segment> SegmentOfKey(std::string_view key) const;
  std::string_view NameIn(std::string_view key) const;  // the last part of a key

  std::shared_ptr<objectstore::Store> store_;
  const WalLayout layout_;
  const base::Clock& clock_;
  cluster::WalInventory inventory_;
  std::map<std::uint32_t, base::WallTime> histories_read_;  // by the upload time that was read
  std::uint32_t history_looked_at_ = 0;
  bool whole_ = false;     // the first pass reached the end
  std::string rechecked_;  // up to this key, in this round
};

}  // namespace pgvigil::archive
