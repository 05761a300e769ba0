// What happened to the primaries of a cluster, and whether another one could take over now, as metric families:
// docs/metrics.md lists them.
#pragma once

#include <span>

#include "metrics/families.h"
#include "observe/view.h"

namespace pgvigil::scrape {

// `now`: of the page; what is recent is counted back from it.
void AddFailoverFamilies(const observe::ClusterView& view, base::WallTime now, metrics::Families& families);

// `verdict`: of this state, as it holds now.
void AddReadinessFamilies(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict,
                          metrics::Families& families);

// For the reference page.
std::span<const metrics::Descriptor> FailoverDescriptors();

}  // namespace pgvigil::scrape
