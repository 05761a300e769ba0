// The connection service file, read ahead of libpq: a service may name the host, which must be known to be resolved
// off the event loop.
// Source: PostgreSQL manual, libpq, "The Connection Service File".
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace pgvigil::postgres {

// The parameters of that service: from PGSERVICEFILE or ~/.pg_service.conf, then from PGSYSCONFDIR/pg_service.conf.
base::Result<std::map<std::string, std::string>> ReadService(const std::string& name);

}  // namespace pgvigil::postgres
