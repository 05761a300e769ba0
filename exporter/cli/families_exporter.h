// What the process says of itself beyond its scrapes: build, configuration, journal.
#pragma once

#include <span>

#include "base/clock.h"
#include "metrics/self.h"

namespace pgvigil::cli {

void SetBuildInfo(metrics::Self& self);
// After each attempt to load the configuration, the first included.
void SetReload(metrics::Self& self, bool successful, base::WallTime now);
// Whether what happens to primaries is on disk; not to be called where no journal is configured.
void SetJournal(metrics::Self& self, bool kept);

// For the reference page.
std::span<const metrics::Descriptor> ExporterDescriptors();

}  // namespace pgvigil::cli
