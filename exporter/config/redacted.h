// The configuration as it is in force, for /config: YAML, every default filled in, no secret.
#pragma once

#include <string>

#include "config/config.h"

namespace pgvigil::config {

std::string Redacted(const Config& config);

}  // namespace pgvigil::config
