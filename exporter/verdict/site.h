// What the archives of a cluster are worth now: whether WAL reaches them, what has not, to which moment one can
// restore, what would be lost if the site died. Compares what was judged of each reading (verdict/recovery.h) with the
// primary's positions. The definitions are those of docs/recoverability.md. Pure, a few microseconds an archive.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster_state.h"
#include "cluster/position_clock.h"
#include "verdict/lateness.h"
#include "verdict/recovery.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {

// A segment that the primary reported as archived, and when we first saw it reported.
struct ArchiveReport {
  wal::Segment segment;
  base::SteadyTime seen;
};

// Signs that somebody else writes to the same place.
struct Conflicts {
  std::uint64_t strangers = 0;  // system identifiers of backups that are not the cluster's
  std::uint64_t timeline = 0;   // segments on timelines above the cluster's; late ones on others (late_segments)
  std::uint64_t position = 0;   // segments of the current timeline that the primary has not written yet
};

struct ArchiveNow {
  // False once its last reading is older than max(5 min, 3 x listing interval): then nothing below is known.
  bool known = false;
  std::optional<bool> effective;
  std::optional<std::uint64_t> backlog_bytes, backlog_segments;
  std::optional<Conflicts> conflicts;
  // For each of the verdict's windows, the time of its end: every commit before it is in the archive.
  std::vector<std::optional<base::WallTime>> window_ends;
  // Likewise, whether it holds a commit behind StartMoment of its start (verdict/recovery_target.h), by which a time
  // target there ends. False: not known.
  std::vector<bool> commits_follow;
  std::optional<Loss> loss;  // if the site died now and this archive alone were left
};

struct SiteVerdict {
  std::vector<ArchiveNow> archives;  // as in the ClusterState
  // With several archives the best one counts. Absent without an archive, and where an archive that is not known could
  // make an infinite loss finite.
  std::optional<Loss> rpo_site;
  std::vector<LastStart> last_starts;             // of each of the ClusterState's schedules
  std::optional<base::WallTime> server_archived;  // pg_stat_archiver.last_archived_time of the primary
};

// `verdicts`: of each archive's contents, null where there are none. `reports`: oldest first, since the last promotion
// or reset of statistics. The primary's silence holds what it last said for 5 minutes: a dead server writes nothing.
SiteVerdict JudgeSite(const cluster::ClusterState& state, const ClusterVerdict& cluster,
                      const cluster::PositionClock& clock,
                      const std::vector<std::shared_ptr<const ArchiveVerdict>>& verdicts,
                      const std::vector<ArchiveReport>& reports, base::SteadyTime now);

// What pgvigil_rpo_seconds{loss="site"} may be where nothing is declared: max(10 min, archive_timeout + 2 x listing
// interval + 2 min). Absent without an archive.
std::optional<base::Milliseconds> DefaultSiteObjective(const cluster::ClusterState& state);

// Without a standby that could take over, losing the primary is losing the site: its value, absent where that is not
// known; infinite only where no archive is configured.
void CompleteLoss(const cluster::ClusterState& state, const SiteVerdict& site, ClusterVerdict& cluster);

}  // namespace pgvigil::verdict
