// From a checked document to each module's Options; what one key alone cannot tell is checked here.
#pragma once

#include <string>

#include "base/diagnostics.h"
#include "config/config.h"
#include "yaml/form.h"

namespace pgvigil::config {

// `directory` is where relative paths in the file start. What is wrong is said and left out.
Config Build(const yaml::Section& root, const std::string& directory, base::Diagnostics& diagnostics);

base::LogOptions LogOptionsFrom(const std::string& level, const std::string& format);

// Says so if `listen` is no address that could be listened on.
void CheckListen(const std::string& listen, const base::Place& place, std::string_view path,
                 base::Diagnostics& diagnostics);

// Says so if a file cannot be read now; it may still change later.
void MustBeReadable(const std::string& file, const base::Place& place, std::string_view path,
                    base::Diagnostics& diagnostics);

}  // namespace pgvigil::config
