// What an audit found, as text for a person. Pure.
#pragma once

#include <string>

#include "cli/audit_report.h"

namespace pgvigil::cli {

// Ends with a newline. Control characters of names, which a terminal would obey, are replaced.
std::string AuditText(const ArchiveAudit& audit);

}  // namespace pgvigil::cli
