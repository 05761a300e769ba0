// What the archives of a cluster hold and what they are worth, as metric families: docs/metrics.md lists them.
#pragma once

#include <span>

#include "metrics/families.h"
#include "objectstore/request_counts.h"
#include "observe/view.h"

namespace pgvigil::scrape {

// Unknown is absent: an archive that was not read for a while says nothing but that.
void AddArchiveFamilies(const observe::ClusterView& view, metrics::Families& families);

void AddRequestFamilies(const objectstore::RequestCounts& counts, metrics::Families& families);

// For the reference page.
std::span<const metrics::Descriptor> ArchiveDescriptors();
std::span<const metrics::Descriptor> RequestDescriptors();

}  // namespace pgvigil::scrape
