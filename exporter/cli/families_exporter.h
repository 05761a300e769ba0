// What the process says of itself beyond its scrapes: build and configuration.
#pragma once

#include <span>

#include "base/clock.h"
#include "metrics/self.h"

namespace pgvigil::cli {

void SetBuildInfo(metrics::Self& self);
// After each attempt to load the configuration, the first included.
void SetReload(metrics::Self& self, bool successful, base::WallTime now);

// For the reference page.
std::span<const metrics::Descriptor> ExporterDescriptors();

}  // namespace pgvigil::cli
