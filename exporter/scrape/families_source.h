// Whether what is read answers, and since when it did last: pgvigil_source_*.
#pragma once

#include <span>
#include <string_view>

#include "cluster/source_state.h"
#include "metrics/families.h"

namespace pgvigil::scrape {

// `archive` is empty for what is no archive. Nothing is added for what was not asked yet.
void AddSourceFamilies(const cluster::SourceState& state, std::string_view identity, std::string_view source,
                       std::string_view archive, metrics::Families& families);

// For the reference page.
std::span<const metrics::Descriptor> SourceDescriptors();

}  // namespace pgvigil::scrape
