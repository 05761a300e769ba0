// The WAL half of an archive: keeps the inventory of one folder of WAL from pass to pass, whether its segments lie flat
// (archive_command = 'cp', pg_receivewal) or in folders of one timeline and 4 GiB (barman, pgBackRest). Belongs to its
// reader.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "archive/reader.h"
#include "cluster/wal_inventory.h"
#include "objectstore/store.h"
#include "wal/file_name.h"

namespace pgvigil::archive {

struct WalLayout {
  std::string root;      // "orders/wals/": what every key of it begins with; ends with "/" or is empty
  bool folders = false;  // <16 hex digits>/ between root and segment
  std::optional<wal::ArchiveFile> (*parse)(std::string_view name) = wal::ParseFileName;
  // Undoes what the tool did last, an encryption; null: nothing.
  std::function<base::Result<std::string>(std::string bytes)> decrypt = {};
  std::uint64_t encryption_adds = 0;  // bytes, to a segment that is not compressed
};

class WalListing {
 public:
  WalListing(std::shared_ptr<objectstore::Store> store, WalLayout layout, const base::Clock& clock);

  // Brings the inventory up to date. Not touched by a failure but for what was already found to be there, or gone.
  base::Status Pass(const PassOptions& options);

  const cluster::WalInventory& inventory() const { return inventory_; }

  // Where a stored segment lies: found by a listing of its name, whatever its suffix. not_found before a first pass.
  base::Result<objectstore::Object> Find(const wal::Segment& segment, base::Deadline deadline);
  // Its bytes, uncompressed; limit if they are more than a segment.
  base::Result<std::string> Read(const wal::Segment& segment, base::SteadyTime::duration within);

 private:
  // What the objects of one segment amount to: it may lie there under several suffixes, and the best one counts.
  struct Sighting {
    enum class State { kBad, kInArchiveTier, kStored };
    wal::Segment segment;
    State state = State::kBad;
    objectstore::Object object;
  };

  base::Status FindSegmentSize(const PassOptions& options);
  base::Result<std::optional<wal::SegmentSize>> SizeOf(const objectstore::Object& object, const wal::ArchiveFile& name,
                                                       const PassOptions& options);
  base::Result<std::string> Plain(const objectstore::Object& object, std::uint64_t most, base::Deadline deadline);

  base::Status ListEverything(const PassOptions& options);
  base::Status ListWhatIsNew(const PassOptions& options);
  base::Status ListTimeline(std::uint32_t timeline, bool to_the_end, const PassOptions& options);
  base::Status ListFrom(const std::string& prefix, std::string start_after, const PassOptions& options);
  std::set<std::uint32_t> Growing() const;
  base::Status Recheck(const PassOptions& options);
  std::set<wal::Segment> Holes(const PassOptions& options) const;
  base::Status LookIntoHoles(const PassOptions& options);
  base::Status LookInto(const wal::Segment& missing, const PassOptions& options);
  base::Status ReadHistories(const PassOptions& options);
  base::Status ReadHistory(std::uint32_t timeline, const PassOptions& options);

  void Tell(const objectstore::Object& object, const PassOptions& options) const;
  // Objects in the order of their keys; `current` is the segment whose last object may be still to come.
  void Take(const objectstore::Object& object, std::optional<Sighting>& current);
  std::optional<Sighting> Sight(const objectstore::Object& object) const;
  void Settle(const Sighting& sighting);
  // What the inventory holds within (after, up_to) and a page did not show is gone.
  struct Shown {
    wal::SegmentSet segments;
    std::set<wal::Segment> partial;
  };
  void Forget(const std::string& after, const std::string& up_to, const Shown& shown);
  void ForgetIn(wal::SegmentSet& set, const std::string& after, const std::string& up_to,
                const wal::SegmentSet& shown) const;
  std::size_t WithoutTheLast(const std::vector<objectstore::Object>& objects) const;

  std::string KeyOf(const wal::Segment& segment) const;  // without a suffix
  std::string PrefixOf(std::uint32_t timeline) const;
  std::optional<wal::ArchiveFile> Parse(const objectstore::Object& object) const;
  std::optional<wal::Segment> SegmentOf(const objectstore::Object& object) const;  // label and partial have one, too

  std::shared_ptr<objectstore::Store> store_;
  const WalLayout layout_;
  const base::Clock& clock_;
  cluster::WalInventory inventory_;
  std::map<std::uint32_t, base::WallTime> histories_read_;  // by the upload time that was read
  std::uint32_t history_looked_at_ = 0;
  wal::Segment hole_looked_at_;
  bool whole_ = false;     // the first pass reached the end
  std::string rechecked_;  // up to this key, in this round
};

}  // namespace pgvigil::archive
