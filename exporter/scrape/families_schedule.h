// When the backups of a cluster's schedules are due, as metric families: docs/metrics.md lists them.
#pragma once

#include <span>

#include "metrics/families.h"
#include "observe/view.h"

namespace pgvigil::scrape {

// `now`: of the page, as lateness grows between two readings.
void AddScheduleFamilies(const observe::ClusterView& view, base::WallTime now, metrics::Families& families);

// For the reference page.
std::span<const metrics::Descriptor> ScheduleDescriptors();

}  // namespace pgvigil::scrape
