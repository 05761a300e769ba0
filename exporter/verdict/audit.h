// What a reading of a whole archive amounts to beyond its windows: where timelines branched, what each gap costs, what
// WAL nothing needs, and whether the archive is sound. Pure; for `pgvigil audit`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/archive_state.h"
#include "verdict/recovery.h"

namespace pgvigil::verdict {

// A timeline of which anything is stored or known.
struct Branch {
  enum class History { kNeedsNone, kStored, kUnreadable, kMissing };  // the first timeline needs none

  std::uint32_t timeline = 1;
  std::optional<std::uint32_t> parent;  // absent: it has none, or which is not known
  std::optional<wal::Lsn> begin;        // likewise
  std::optional<wal::Lsn> left;         // where the path leaves it
  bool on_path = false;
  History history = History::kMissing;
};
std::vector<Branch> BranchesOf(const cluster::ArchiveContents& contents, const ArchiveVerdict& verdict);

// What cannot be restored because of one gap.
struct GapCost {
  wal::Lsn from;                     // no position from here on is reached over the gap
  std::vector<std::size_t> stopped;  // restorable backups, in the catalogue, that come up to the gap and not over it
  std::vector<std::size_t> within;   // of these, what ends inside of it: its own end can be had, and nothing else there
  std::vector<std::size_t> broken;   // those that need a segment of it for themselves
  std::optional<std::size_t> resumes;  // the restorable backup from whose end on positions can be had again
};
// As verdict.gaps.
std::vector<GapCost> CostsOf(const cluster::ArchiveContents& contents, const ArchiveVerdict& verdict);

// What is stored and no restore would ask for.
struct Orphans {
  struct Sum {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
  };
  // On the path, and before all that any backup begins with. A failed backup needs nothing; without any backup nothing
  // lies before one.
  Sum before_backups;
  Sum left_behind;  // the path does not go over them
  // Partial segments that nothing would be won by renaming: the whole one is stored, on this timeline or where the path
  // reads the same positions, or nobody needs that one.
  Sum partials;
  std::vector<std::size_t> backups;  // those of state orphan, in the catalogue
};
Orphans OrphansOf(const cluster::ArchiveContents& contents, const ArchiveVerdict& verdict,
                  const std::vector<cluster::WalFile>& files);

enum class Soundness { kSound, kBroken, kUnreadable };
std::string_view Name(Soundness soundness);  // "sound", "broken", "unreadable"

// Why an archive that was read is not sound, in sentences: what is broken for certain, and what could not be read.
struct Faults {
  std::vector<std::string> broken;
  std::vector<std::string> unreadable;
};
Faults FaultsOf(const cluster::ArchiveContents& contents, const cluster::ArchiveTerms& terms,
                const ArchiveVerdict& verdict, base::WallTime now);

}  // namespace pgvigil::verdict
