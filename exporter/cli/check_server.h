// Query files against a real server: every query that applies there is run as a login of the exporter would run it.
#pragma once

#include <string>

#include "base/result.h"
#include "observe/options.h"
#include "query/catalog.h"

namespace pgvigil::cli {

struct ServerReport {
  std::string report;  // for a person
  // A server that does not answer, queries that failed, columns and values that do not fit, a way of archiving that
  // does not.
  std::size_t findings = 0;
};

// Each query read-only, in a transaction that is rolled back: what it emits, what is dropped of it, its columns against
// the declared ones, its time, the planner's cost. If the server is one of `clusters`, how it archives is held against
// their objectives. An error, whose subject is the option, only if `dsn` or
// `password_file` cannot be used at all.
base::Result<ServerReport> CheckServer(const query::Catalog& catalog,
                                       const std::vector<observe::ClusterOptions>& clusters, const std::string& dsn,
                                       const std::string& password_file);

}  // namespace pgvigil::cli
