#include "postgres/dsn.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "postgres/service_file.h"

namespace pgvigil::postgres {
namespace {

constexpr std::string_view kDefaultPort = "5432";
constexpr std::string_view kDefaultHost = "/var/run/postgresql";  // where Debian's libpq looks for the socket

// Values that open something: never kept in a Dsn.
constexpr std::array<std::string_view, 2> kSecrets = {"password", "sslpassword"};

using Parameters = std::map<std::string, std::string>;

base::Result<Parameters> ParseParameters(const std::string& text) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(text.c_str(), &problem),
                                                                               &PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> message(problem, &PQfreemem);
  if (!options) {
    // libpq's message may quote the text, and with it a password.
    const bool may_hold_secret = text.find("pass") != std::string::npos || text.find('@') != std::string::npos;
    return base::Error{base::ErrorKind::kMalformed,
                       may_hold_secret || !message
                           ? "expected a connection string: key=value pairs or postgresql://user@host:port/database"
                           : std::string(base::Trim(message.get())),
                       {},
                       {}};
  }
  Parameters parameters;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters.emplace(option->keyword, option->val);
  }
  return parameters;
}

void FillFromEnvironment(Parameters& parameters) {
  constexpr std::array kVariables = {std::pair("host", "PGHOST"), std::pair("hostaddr", "PGHOSTADDR"),
                                     std::pair("port", "PGPORT")};
  const bool placed = parameters.contains("host") || parameters.contains("hostaddr");
  for (const auto& [key, variable] : kVariables) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0' || (placed && std::string_view(key) != "port")) continue;
    parameters.emplace(key, value);
  }
}

// One Dsn a host of a comma separated list, as libpq pairs hosts, addresses and ports.
base::Result<std::vector<Dsn>> Expand(const Parameters& parameters) {
  const auto list = [&](const std::string& key) {
    const auto found = parameters.find(key);
    return found == parameters.end() ? std::vector<std::string_view>() : base::Split(found->second, ',');
  };
  const auto hosts = list("host"), addresses = list("hostaddr"), ports = list("port");
  const std::size_t count = std::max<std::size_t>({hosts.size(), addresses.size(), 1});
  const bool paired = (hosts.empty() || hosts.size() == count) && (addresses.empty() || addresses.size() == count) &&
                      (ports.size() <= 1 || ports.size() == count);
  if (!paired) {
    return base::Error{
        base::ErrorKind::kMalformed, "expected as many ports and hostaddr as hosts, or one port for all", {}, {}};
  }
  std::vector<Dsn> dsns(count, Dsn{parameters});
  for (std::size_t i = 0; i < count; ++i) {
    if (!hosts.empty()) dsns[i].parameters["host"] = hosts[i];
    if (!addresses.empty()) dsns[i].parameters["hostaddr"] = addresses[i];
    if (!ports.empty()) dsns[i].parameters["port"] = ports.size() == 1 ? ports[0] : ports[i];
  }
  return dsns;
}

base::Result<Parameters> ParseWithService(std::string_view text) {
  auto parameters = ParseParameters(std::string(text));
  if (!parameters.ok()) return parameters;
  Parameters all = *parameters;
  const char* variable = std::getenv("PGSERVICE");
  if (variable != nullptr && *variable != '\0') all.emplace("service", variable);
  if (const auto service = all.find("service"); service != all.end()) {
    const auto section = ReadService(service->second);
    if (!section.ok()) return section.error();
    all.erase("service");
    all.insert(section->begin(), section->end());  // what the text says wins
  }
  FillFromEnvironment(all);
  return all;
}

}  // namespace

std::string Dsn::Get(std::string_view key) const {
  const auto found = parameters.find(std::string(key));
  return found == parameters.end() ? std::string() : found->second;
}

std::string Dsn::host() const {
  if (const auto host = Get("host"); !host.empty()) return host;
  if (const auto address = Get("hostaddr"); !address.empty()) return address;
  return std::string(kDefaultHost);
}

std::string Dsn::port() const {
  const auto port = Get("port");
  return port.empty() ? std::string(kDefaultPort) : port;
}

std::string Dsn::host_port() const {
  const auto name = host();
  return (name.find(':') != std::string::npos ? "[" + name + "]" : name) + ":" + port();
}

std::string Dsn::Redacted() const {
  std::string text;
  for (const auto& [key, value] : parameters) {
    text += (text.empty() ? "" : " ") + key + "=";
    if (!value.empty() && value.find_first_of(" '\\") == std::string::npos) {
      text += value;
      continue;
    }
    text += '\'';
    for (const char c : value) text += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    text += '\'';
  }
  return text;
}

base::Result<DsnWithPassword> ParseDsnWithPassword(std::string_view text) {
  auto parameters = ParseWithService(text);
  if (!parameters.ok()) return parameters.error();
  DsnWithPassword parsed;
  Parameters open = *parameters;
  if (const auto password = open.find("password"); password != open.end()) parsed.password = password->second;
  for (const auto secret : kSecrets) open.erase(std::string(secret));
  auto dsns = Expand(open);
  if (!dsns.ok()) return dsns.error();
  parsed.dsns = *std::move(dsns);
  return parsed;
}

base::Result<std::vector<Dsn>> ParseDsn(std::string_view text) {
  const auto parameters = ParseWithService(text);
  if (!parameters.ok()) return parameters.error();
  for (const auto secret : kSecrets) {
    if (!parameters->contains(std::string(secret))) continue;
    return base::Error{base::ErrorKind::kMalformed,
                       "holds a secret (" + std::string(secret) +
                           "), which would be seen in files and process lists: " +
                           (secret == "password" ? "put it into a file and name that as password_file"
                                                 : "use a key without a pass phrase"),
                       {},
                       {}};
  }
  return Expand(*parameters);
}

}  // namespace pgvigil::postgres
