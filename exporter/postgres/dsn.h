// A conninfo string (key=value or URI), taken apart by libpq's own parser: what it accepts is what people know from
// psql. Source: PostgreSQL manual, "Connection Strings" and "Parameter Key Words".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgvigil::postgres {

// One server. Holds no secret, so may be logged: passwords come from Credentials.
struct Dsn {
  std::map<std::string, std::string>
      parameters;  // host, hostaddr, port, user, dbname, sslmode, ...; what was given, not defaults

  std::string Get(std::string_view key) const;  // empty when absent
  std::string host() const;       // "localhost" or a socket directory where none was given, as libpq would use
  std::string port() const;       // "5432" likewise, PGPORT honoured
  std::string host_port() const;  // "db1:5432", "/run/postgresql:5432": log subjects and default pg_instance
  std::string Redacted() const;   // for logs and pages; parameters in alphabetical order
};

// A multi-host string expands to one Dsn a host, and several URIs may stand behind one another with commas between. A
// password (password=, user:secret@, ?password=, sslpassword=) is refused with a word about password_file, and so is
// what libpq would stumble over only when it connects: ports, sslmode, certificate files that cannot be read. No error
// repeats a value that may be a piece of a password. A service= entry and PG* environment variables are honoured as
// libpq does.
base::Result<std::vector<Dsn>> ParseDsn(std::string_view text);

// The same, with passwords taken out and handed over beside: for places where people have always put one and no file is
// meant, such as DATA_SOURCE_NAME in the environment.
struct DsnWithPassword {
  Dsn dsn;
  std::string password;  // empty: none
};
base::Result<std::vector<DsnWithPassword>> ParseDsnsWithPasswords(std::string_view text);

}  // namespace pgvigil::postgres
