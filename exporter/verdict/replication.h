// One standby against its primary: which of the walsenders is its own, and in which state replication is.
// Source: PostgreSQL manual, "pg_stat_replication" and "pg_stat_wal_receiver". Pure.
#pragma once

#include <optional>

#include "cluster/cluster_state.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {

// The greatest of receive, flush and replay position: the receive position is NULL when WAL comes from the archive, and
// can restart below the replay position.
std::optional<wal::Lsn> ReceivedPosition(const cluster::InstanceFacts& standby);

// The primary's walsender that feeds this standby: by the slot both name, otherwise by an application name that is the
// instance's or its cluster_name and belongs to no other walsender. Null where that is not certain.
const cluster::Walsender* FindWalsender(const cluster::InstanceFacts& primary, const cluster::InstanceState& standby);

// Whether it holds WAL that the primary's history does not: it is on another timeline than the primary's and beyond the
// LSN at which the primary's path left it. `switch_lsn` is where the primary's timeline began, if known.
bool Diverged(const cluster::InstanceFacts& standby, const cluster::InstanceFacts& primary,
              std::optional<wal::Lsn> switch_lsn);

struct ReplicationEvidence {
  const cluster::Walsender* walsender = nullptr;  // null: unseen
  bool diverged = false;
  bool replay_rises = false;  // its replay position rose lately
};
ReplicationState Classify(const cluster::InstanceState& standby, const ReplicationEvidence& evidence);

}  // namespace pgvigil::verdict
