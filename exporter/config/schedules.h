// The backup schedules of a cluster out of its section of the file.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "cluster/schedule.h"
#include "observe/archive_observer.h"
#include "yaml/form.h"

namespace pgvigil::config {

// `path` is the cluster's key path, `archives` are where the backups of its schedules are looked for. What was probably
// not meant is a warning.
std::vector<cluster::Schedule> SchedulesFrom(const yaml::Section& cluster, const std::string& path,
                                             const std::vector<observe::ArchiveOptions>& archives,
                                             base::Diagnostics& diagnostics);

}  // namespace pgvigil::config
