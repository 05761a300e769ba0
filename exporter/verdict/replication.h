// One standby against the path, the ancestry of the cluster's current timeline: what it has received, whose walsender
// feeds it, whether it is on the path at all, and in which state its replication is.
// Source: PostgreSQL manual, "pg_stat_replication" and "pg_stat_wal_receiver". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/cluster_state.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {

// The greatest of receive, flush and replay position: the receive position is NULL when WAL comes from the archive, and
// can restart below the replay position.
std::optional<wal::Lsn> ReceivedPosition(const cluster::InstanceFacts& standby);

// The walsender of `upstream` that feeds `standby`: by the slot that both name, otherwise by an application name that
// is the standby's `pg_instance` or cluster_name, no other member's, and on one walsender only (names may repeat:
// Debian gives every server the cluster_name "15/main"). Null where that is not certain. `standby` must have facts.
const cluster::Walsender* FindWalsender(const cluster::InstanceFacts& upstream, const cluster::InstanceState& standby,
                                        const std::vector<cluster::InstanceState>& members);

struct ReplicationEvidence {
  const cluster::Walsender* walsender = nullptr;  // null: unseen
  bool diverged = false;
  bool replay_rises = false;  // its replay position rose lately
};
ReplicationState Classify(const cluster::InstanceState& standby, const ReplicationEvidence& evidence);

// Whether a standby on `timeline` that holds WAL up to `position` has something that the path does not: it is on
// another timeline and beyond the LSN at which the path left it. `left` absent: not known, so only a later timeline
// proves it.
struct Path {
  std::uint32_t timeline = 0;
  std::optional<wal::Lsn> left;  // where it left the standby's timeline
};
bool OffPath(std::uint32_t timeline, std::optional<wal::Lsn> position, const Path& path);

}  // namespace pgvigil::verdict
