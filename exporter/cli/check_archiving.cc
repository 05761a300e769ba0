#include "cli/check_archiving.h"

#include "base/text.h"

namespace pgvigil::cli {

std::vector<std::string> ArchivingDoubts(const cluster::InstanceSettings& settings,
                                         const observe::ClusterOptions& cluster) {
  if (cluster.archives.empty() || settings.archive_mode == "off") return {};
  const base::Milliseconds timeout = settings.archive_timeout;
  if (timeout.count() == 0) {
    return {
        "archive_timeout is 0: what is committed last before a quiet time stays out of the archive until its segment "
        "is full; set archive_timeout to a part of the loss of a site that is allowed"};
  }
  const auto& allowed = cluster.objectives.rpo_site;
  if (!allowed || *allowed >= timeout) return {};
  return {"objectives.rpo_site of cluster " + cluster.name.name + " is " + base::FormatDuration(*allowed) +
          ", below archive_timeout, which is " + base::FormatDuration(timeout) +
          ": WAL may wait that long before it is archived; lower archive_timeout or allow more"};
}

}  // namespace pgvigil::cli
