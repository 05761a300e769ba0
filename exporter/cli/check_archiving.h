// Whether the way a server archives lets its cluster meet the loss that is declared for its site.
#pragma once

#include <string>
#include <vector>

#include "cluster/instance_facts.h"
#include "observe/options.h"

namespace pgvigil::cli {

// Sentences for a person; none where nothing is archived, or the cluster has no archive to lose anything from.
std::vector<std::string> ArchivingDoubts(const cluster::InstanceSettings& settings,
                                         const observe::ClusterOptions& cluster);

}  // namespace pgvigil::cli
