// Reads one archive for an audit: everything that it holds, and what follows from it. Blocks until it has; asks no
// server.
#pragma once

#include <string>

#include "cli/audit_report.h"
#include "cli/progress.h"
#include "objectstore/s3.h"

namespace pgvigil::cli {

ArchiveAudit ReadForAudit(const std::string& cluster, const observe::ArchiveOptions& archive,
                          const objectstore::Surroundings& surroundings, Progress& progress);

}  // namespace pgvigil::cli
