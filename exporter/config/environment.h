// Servers named by environment variables, as other PostgreSQL exporters read them: DATA_SOURCE_NAME, or DATA_SOURCE_URI
// with DATA_SOURCE_USER and DATA_SOURCE_PASS (each also as ..._FILE), or libpq's own PGHOST, PGSERVICE and so on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "postgres/session.h"

namespace pgvigil::config {

struct NamedServers {
  std::vector<postgres::Dsn> dsns;
  std::shared_ptr<const postgres::Credentials> credentials;
  std::string credential_key;
};

// Empty when nothing is set. Reads the process's environment: before threads that change it.
NamedServers ServersFromEnvironment(base::Diagnostics& diagnostics);

}  // namespace pgvigil::config
