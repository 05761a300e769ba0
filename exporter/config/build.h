// From a validated document to each module's Options; what one key alone cannot tell is checked here.
#pragma once

#include <string>

#include "base/diagnostics.h"
#include "config/config.h"
#include "yaml/document.h"

namespace pgvigil::config {

// `root` has passed Validate. `directory` is where relative paths in the file start.
Config Build(const yaml::Node& root, const std::string& directory, base::Diagnostics& diagnostics);

base::LogOptions LogOptionsFrom(const std::string& level, const std::string& format);

}  // namespace pgvigil::config
