// What the standbys of a cluster are measured against: its primary, or in a replica cluster the designated primary.
// Pure but for the clock that is handed in.
#pragma once

#include <optional>

#include "cluster/cluster_state.h"
#include "cluster/position_clock.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {

struct Reference {
  const cluster::InstanceState* instance = nullptr;
  cluster::PositionSample sample;
  std::optional<wal::Lsn> switch_lsn;  // where its timeline began, as far as it can tell
};

// A primary's position is its flush LSN. Of two that answer as primary the one on the higher timeline is the cluster's,
// of equal ones the first in the configuration. One on a lower timeline than is known of is an old primary that came
// back: none, until the higher one was not seen for 5 minutes and no standby follows it.
// In a replica cluster without a primary it is the received position of the designated primary: the standby that no
// other member feeds, of several the one that has received most.
std::optional<Reference> FindReference(const cluster::ClusterState& state, const cluster::PositionClock& clock,
                                       base::SteadyTime now, const Freshness& freshness);

// Adds to the clock what the reference says, if it is news. To be done before Judge.
void Follow(const cluster::ClusterState& state, base::SteadyTime now, const Freshness& freshness,
            cluster::PositionClock& clock);

// Until when an instance's facts count as an answer.
base::SteadyTime FreshUntil(const cluster::InstanceFacts& facts, const Freshness& freshness);
// Whether they do: fresh, of this cluster, and the last attempt to read it succeeded.
bool Answering(const cluster::InstanceState& instance, base::SteadyTime now, const Freshness& freshness);

}  // namespace pgvigil::verdict
