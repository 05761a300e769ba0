// docs/metrics.md: every family the exporter can emit, from the descriptors and the shipped query files.
#pragma once

#include <string>

#include "query/catalog.h"

namespace pgvigil::cli {

std::string MetricsReference(const query::Catalog& shipped);

}  // namespace pgvigil::cli
