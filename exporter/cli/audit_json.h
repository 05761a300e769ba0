// What audits found, as docs/audit.schema.json describes it. What is not known is absent. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/audit_report.h"

namespace pgvigil::cli {

// `at`: when they were begun. Ends with a newline.
std::string AuditJson(const std::vector<ArchiveAudit>& audits, base::WallTime at);

}  // namespace pgvigil::cli
