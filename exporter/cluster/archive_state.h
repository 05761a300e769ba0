// What is known of one archive of a cluster: the configured place, the last reading of it, and whether it can be read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/backup.h"
#include "cluster/source_state.h"
#include "cluster/wal_inventory.h"

namespace pgvigil::cluster {

// One consistent reading. Published whole; the next reading is another value.
struct ArchiveContents {
  BackupCatalogue catalogue;
  WalInventory wal;
  base::SteadyTime began;  // when the listing of what is new was begun: later uploads are not in it
  base::WallTime began_at;
  bool proves = true;                           // false: a tool's report, which claims and shows no WAL
  std::vector<std::string> system_identifiers;  // of the backups in it, without doubles

  // The last commit or abort in the contiguous WAL, read from the segment that ends it; once the position clock knows
  // better, the last one that was read. Absent where none was or it could not be read.
  struct LastCommitted {
    wal::Segment segment;
    base::WallTime at;
    wal::Lsn end;
  };
  std::optional<LastCommitted> last_commit;
};

// What the configuration says beyond the place.
struct ArchiveTerms {
  base::Milliseconds listing_interval{60000};
  std::optional<base::Milliseconds> retention;  // declared; not judged unless set

  friend bool operator==(const ArchiveTerms&, const ArchiveTerms&) = default;
};

struct ArchiveState {
  std::string name;                   // the label `archive`
  std::string source;                 // the label `source`: objectstore, pgbackrest
  std::string place;                  // "s3://bucket/path/server", for a person
  std::vector<BackupMethod> methods;  // whose backups may lie in it
  ArchiveTerms terms;
  SourceState store;
  std::optional<std::chrono::milliseconds> clock_skew;  // the store's clock less ours
  std::shared_ptr<const ArchiveContents> contents;      // null before the first whole reading
};

}  // namespace pgvigil::cluster
