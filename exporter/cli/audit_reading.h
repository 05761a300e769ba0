// Reads one archive for an audit: everything that it holds, and what follows from it. Blocks until it has; asks no
// server.
#pragma once

#include <optional>
#include <string>

#include "cli/audit_content.h"
#include "cli/audit_report.h"
#include "cli/progress.h"
#include "objectstore/s3.h"

namespace pgvigil::cli {

// `content`: of which backups the content is read, too; absent: of none.
ArchiveAudit ReadForAudit(const std::string& cluster, const observe::ArchiveOptions& archive,
                          const objectstore::Surroundings& surroundings, const std::optional<ContentChoice>& content,
                          Progress& progress);

}  // namespace pgvigil::cli
