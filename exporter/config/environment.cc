#include "config/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace pgvigil::config {
namespace {

constexpr std::size_t kLargestValue = 64 << 10;

constexpr std::array kVariables = {
    EnvironmentVariable{
        "DATA_SOURCE_NAME",
        "Connection string; several URIs with commas between. May hold a password, which is shown nowhere"},
    EnvironmentVariable{"DATA_SOURCE_NAME_FILE", "File that holds DATA_SOURCE_NAME"},
    EnvironmentVariable{"DATA_SOURCE_URI", "host:port/database, with the two below; also from DATA_SOURCE_URI_FILE"},
    EnvironmentVariable{"DATA_SOURCE_USER", "The login; also from DATA_SOURCE_USER_FILE"},
    EnvironmentVariable{"DATA_SOURCE_PASS_FILE", "File that holds the password; read anew when the server refuses it"},
    EnvironmentVariable{"DATA_SOURCE_PASS", "The password itself"},
    EnvironmentVariable{"PGHOST, PGHOSTADDR, PGSERVICE", "Name a server as they do for psql, if nothing else does"},
    EnvironmentVariable{"PGPORT, PGUSER, PGPASSWORD, PGPASSFILE, PGSSLMODE, ...",
                        "libpq's own: what a connection string does not say"},
};

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// The variable, or the content of the file that <name>_FILE names.
std::optional<std::string> VariableOrFile(const std::string& name, base::Diagnostics& diagnostics) {
  if (auto value = Variable(name.c_str())) return value;
  const auto path = Variable((name + "_FILE").c_str());
  if (!path) return std::nullopt;
  auto content = base::ReadFile(*path, kLargestValue);
  if (content.ok()) return *content;
  diagnostics.Error({*path, 0, 0}, name + "_FILE", content.error().message);
  return std::nullopt;
}

// The password of DATA_SOURCE_NAME. Kept in memory as it is in the environment; it has no way to be printed.
class InlinePassword final : public postgres::Credentials {
 public:
  explicit InlinePassword(std::string password) : password_(std::move(password)) {}
  base::Result<std::string> Password() const override { return password_; }

 private:
  const std::string password_;
};

std::vector<NamedServer> DataSourceName(const std::string& text, base::Diagnostics& diagnostics) {
  const auto parsed = postgres::ParseDsnsWithPasswords(text);
  if (!parsed.ok()) {
    diagnostics.Error({}, "DATA_SOURCE_NAME", parsed.error().message);
    return {};
  }
  std::vector<NamedServer> servers;
  for (const auto& [dsn, password] : *parsed) {
    if (password.empty()) {
      servers.push_back({dsn, postgres::NoPassword(), ""});
    } else {
      servers.push_back({dsn, std::make_shared<const InlinePassword>(password), "DATA_SOURCE_NAME"});
    }
  }
  return servers;
}

std::vector<NamedServer> DataSourceUri(const std::string& uri, base::Diagnostics& diagnostics) {
  auto parsed = postgres::ParseDsn("postgresql://" + uri);
  if (!parsed.ok()) {
    diagnostics.Error({}, "DATA_SOURCE_URI", parsed.error().message);
    return {};
  }
  const auto user = VariableOrFile("DATA_SOURCE_USER", diagnostics);
  NamedServer server{{}, postgres::NoPassword(), ""};
  if (const auto file = Variable("DATA_SOURCE_PASS_FILE")) {
    server.credential_key = *file;
    server.credentials = postgres::PasswordFile(*file);
    if (access(file->c_str(), R_OK) != 0)
      diagnostics.Error({}, "DATA_SOURCE_PASS_FILE", "cannot read " + *file + ": " + std::strerror(errno));
  } else if (Variable("DATA_SOURCE_PASS")) {
    server.credential_key = "$DATA_SOURCE_PASS";
    server.credentials = postgres::PasswordVariable("DATA_SOURCE_PASS");
  }
  std::vector<NamedServer> servers;
  for (const auto& dsn : *parsed) {
    server.dsn = dsn;
    if (user) server.dsn.parameters["user"] = *user;
    servers.push_back(server);
  }
  return servers;
}

std::vector<NamedServer> LibpqsOwn(base::Diagnostics& diagnostics) {
  constexpr std::array kNames = {"PGHOST", "PGHOSTADDR", "PGSERVICE"};
  const auto set = std::find_if(kNames.begin(), kNames.end(), [](const char* name) { return Variable(name); });
  if (set == kNames.end()) return {};
  const auto parsed = postgres::ParseDsn("");
  if (!parsed.ok()) {
    diagnostics.Error({}, *set, parsed.error().message);
    return {};
  }
  std::vector<NamedServer> servers;
  for (const auto& dsn : *parsed)
    servers.push_back({dsn, postgres::NoPassword(), ""});  // PGPASSWORD and the passfile are libpq's own affair
  return servers;
}

}  // namespace

std::vector<NamedServer> ServersFromEnvironment(base::Diagnostics& diagnostics) {
  if (const auto name = VariableOrFile("DATA_SOURCE_NAME", diagnostics)) return DataSourceName(*name, diagnostics);
  if (const auto uri = VariableOrFile("DATA_SOURCE_URI", diagnostics)) return DataSourceUri(*uri, diagnostics);
  return LibpqsOwn(diagnostics);
}

std::span<const EnvironmentVariable> EnvironmentVariables() { return kVariables; }

}  // namespace pgvigil::config
