// The archives of a cluster out of its section of the file.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "observe/archive_observer.h"
#include "yaml/form.h"

namespace pgvigil::config {

// `path` is the cluster's key path; `directory` is where relative paths in the file start.
std::vector<observe::ArchiveOptions> ArchivesFrom(const yaml::Section& cluster, const std::string& path,
                                                  base::Milliseconds interval, const std::string& directory,
                                                  base::Diagnostics& diagnostics);

}  // namespace pgvigil::config
