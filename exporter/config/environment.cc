#include "config/environment.h"

#include <array>
#include <cstdlib>
#include <optional>

#include "base/text.h"

namespace pgvigil::config {
namespace {

constexpr std::size_t kLargestValue = 64 << 10;

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

void AddDataSourceName(const std::string& text, NamedServers& servers, base::Diagnostics& diagnostics) {
  auto parsed = postgres::ParseDsnWithPassword(text);
  if (!parsed.ok()) return diagnostics.Error({}, "DATA_SOURCE_NAME", parsed.error().message);
  servers.dsns = parsed->dsns;
  servers.credential_key = "DATA_SOURCE_NAME";
  servers.credentials =
      parsed->password.empty() ? postgres::NoPassword() : std::make_shared<const InlinePassword>(parsed->password);
}

void AddDataSourceUri(const std::string& uri, NamedServers& servers, base::Diagnostics& diagnostics) {
  auto parsed = postgres::ParseDsn("postgresql://" + uri);
  if (!parsed.ok()) return diagnostics.Error({}, "DATA_SOURCE_URI", parsed.error().message);
  servers.dsns = *parsed;
  if (const auto user = VariableOrFile("DATA_SOURCE_USER", diagnostics)) {
    for (auto& dsn : servers.dsns) dsn.parameters["user"] = *user;
  }
  if (const auto file = Variable("DATA_SOURCE_PASS_FILE")) {
    servers.credential_key = *file;
    servers.credentials = postgres::PasswordFile(*file);
  } else {
    servers.credential_key = "DATA_SOURCE_PASS";
    servers.credentials =
        Variable("DATA_SOURCE_PASS") ? postgres::PasswordVariable("DATA_SOURCE_PASS") : postgres::NoPassword();
  }
}

}  // namespace

NamedServers ServersFromEnvironment(base::Diagnostics& diagnostics) {
  NamedServers servers;
  if (const auto name = VariableOrFile("DATA_SOURCE_NAME", diagnostics)) {
    AddDataSourceName(*name, servers, diagnostics);
  } else if (const auto uri = VariableOrFile("DATA_SOURCE_URI", diagnostics)) {
    AddDataSourceUri(*uri, servers, diagnostics);
  } else {
    constexpr std::array kLibpqNames = {"PGHOST", "PGHOSTADDR", "PGSERVICE"};
    for (const char* variable : kLibpqNames) {
      if (!Variable(variable)) continue;
      auto parsed = postgres::ParseDsn("");
      if (!parsed.ok()) {
        diagnostics.Error({}, variable, parsed.error().message);
      } else {
        servers.dsns = *parsed;
        servers.credentials = postgres::NoPassword();  // PGPASSWORD and the passfile are libpq's own affair
      }
      break;
    }
  }
  return servers;
}

}  // namespace pgvigil::config
