// What is known and judged of a cluster, as metric families: docs/metrics.md lists them.
#pragma once

#include <span>

#include "cluster/cluster_state.h"
#include "metrics/families.h"
#include "verdict/site.h"
#include "verdict/verdict.h"

namespace pgvigil::scrape {

// Unknown is absent: what the verdict does not say is not added.
void AddClusterFamilies(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict,
                        const verdict::SiteVerdict& site, metrics::Families& families);

// For the reference page.
std::span<const metrics::Descriptor> ClusterDescriptors();

}  // namespace pgvigil::scrape
