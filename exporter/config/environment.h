// Servers named by environment variables, as other PostgreSQL exporters read them: DATA_SOURCE_NAME, or DATA_SOURCE_URI
// with DATA_SOURCE_USER and DATA_SOURCE_PASS (each also as ..._FILE), or libpq's own PGHOST, PGSERVICE and so on.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "postgres/session.h"

namespace pgvigil::config {

struct NamedServer {
  postgres::Dsn dsn;
  std::shared_ptr<const postgres::Credentials> credentials;
  std::string credential_key;  // as in observe::InstanceOptions
};

// Empty when nothing is set. Reads the process's environment: before threads that change it.
std::vector<NamedServer> ServersFromEnvironment(base::Diagnostics& diagnostics);

// For `--help` and the reference page.
struct EnvironmentVariable {
  std::string_view name;
  std::string_view help;  // one sentence
};
std::span<const EnvironmentVariable> EnvironmentVariables();

}  // namespace pgvigil::config
