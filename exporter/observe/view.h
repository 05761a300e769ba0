// What the observer has published: the newest state of each cluster, and what it means. Immutable.
#pragma once

#include <memory>
#include <vector>

#include "cluster/cluster_state.h"
#include "failover/journal.h"
#include "observe/options.h"
#include "verdict/site.h"
#include "verdict/verdict.h"

namespace pgvigil::observe {

struct ClusterView {
  cluster::ClusterState state;
  verdict::ClusterVerdict verdict;
  verdict::SiteVerdict site;
  std::vector<std::shared_ptr<const ArchiveReading>> archives;  // as in state.archives
  std::shared_ptr<const failover::FailoverHistory> failovers;   // null where nobody remembers them
};

// Clusters in the order of the configuration.
using FleetView = std::vector<std::shared_ptr<const ClusterView>>;

}  // namespace pgvigil::observe
