// Query files against a real server: every query that applies there is run as a login of the exporter would run it.
#pragma once

#include <string>

#include "base/result.h"
#include "query/catalog.h"

namespace pgvigil::cli {

struct ServerReport {
  std::string report;        // for a person
  std::size_t findings = 0;  // queries that failed, columns that do not fit
};

// Each query read-only, in a transaction that is rolled back: its columns against the declared ones, its rows, its
// time, the planner's cost. An error only if the server cannot be reached.
base::Result<ServerReport> CheckServer(const query::Catalog& catalog, const std::string& dsn,
                                       const std::string& password_file);

}  // namespace pgvigil::cli
