#include "postgres/dsn.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
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

constexpr std::array<std::string_view, 6> kSslModes = {"disable", "allow",     "prefer",
                                                       "require", "verify-ca", "verify-full"};
constexpr std::array<std::string_view, 2> kSchemes = {"postgresql://", "postgres://"};
constexpr std::array kFiles = {"sslrootcert", "sslcert", "sslkey", "sslcrl"};

base::Error Malformed(std::string message) { return {base::ErrorKind::kMalformed, std::move(message), {}, {}}; }

base::Result<Parameters> ParseParameters(const std::string& text) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(text.c_str(), nullptr),
                                                                               &PQconninfoFree);
  if (!options)  // libpq's own message may quote the text, and with it a password
    return Malformed("expected a connection string: key=value pairs or postgresql://user@host:port/database");
  Parameters parameters;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters.emplace(option->keyword, option->val);
  }
  return parameters;
}

// "URI,URI" as other exporters take it: split where a comma stands before a scheme.
std::vector<std::string_view> SplitUris(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t comma = text.find(','); comma != std::string_view::npos; comma = text.find(',', comma + 1)) {
    const auto rest = base::Trim(text.substr(comma + 1));
    const bool starts =
        std::any_of(kSchemes.begin(), kSchemes.end(), [&](auto scheme) { return rest.starts_with(scheme); });
    if (!starts) continue;
    parts.push_back(base::Trim(text.substr(0, comma)));
    text = rest;
    comma = 0;
  }
  parts.push_back(text);
  return parts;
}

base::Status CheckHost(std::string_view host) {
  // Behind the first character, which names an abstract socket: a password with an unescaped @ ends up here.
  if (host.find('@', 1) != std::string_view::npos)
    return Malformed("expected a host, found something with @ in it: escape one in a password as %40");
  return base::Done{};
}

base::Status CheckPort(std::string_view port) {
  if (port.empty()) return base::Done{};
  const auto number = base::ParseInteger<std::uint32_t>(port);
  if (number && *number >= 1 && *number <= 65535) return base::Done{};
  return Malformed("expected a port from 1 to 65535: escape /, ? and # in a URI's password as %2F, %3F and %23");
}

base::Status CheckEach(std::string_view list, base::Status (*check)(std::string_view)) {
  for (const auto one : base::Split(list, ',')) {
    if (auto checked = check(one); !checked.ok()) return checked;
  }
  return base::Done{};
}

base::Status CheckReadable(const std::string& key, const std::string& file) {
  const bool no_file = (key == "sslrootcert" && file == "system") || (key == "sslkey" && !file.starts_with('/'));
  if (no_file || file.empty() || access(file.c_str(), R_OK) == 0) return base::Done{};  // an engine's key has no path
  return Malformed(key + ": cannot read " + file + ": " + std::strerror(errno));
}

// What libpq takes for good until it connects. A value that may be a piece of a password is never repeated: in a URI
// that was written wrongly it is found in the port, the host and the database.
base::Status CheckValues(const Parameters& parameters) {
  const auto value = [&](const std::string& key) {
    const auto found = parameters.find(key);
    return found == parameters.end() ? std::string() : found->second;
  };
  for (const auto& [key, text] : parameters) {
    const bool secret = std::find(kSecrets.begin(), kSecrets.end(), key) != kSecrets.end();
    if (!secret && text.find("://") != std::string::npos)
      return Malformed(key + ": found what looks like another connection string: separate several URIs with commas");
  }
  if (value("dbname").find('@') != std::string::npos)
    return Malformed("dbname: expected a database's name, found something with @ in it");
  if (auto port = CheckEach(value("port"), &CheckPort); !port.ok()) return port;
  if (auto host = CheckEach(value("host"), &CheckHost); !host.ok()) return host;
  if (const auto mode = value("sslmode"); !mode.empty()) {
    if (std::find(kSslModes.begin(), kSslModes.end(), mode) == kSslModes.end())
      return Malformed("sslmode: expected disable, allow, prefer, require, verify-ca or verify-full");
  }
  for (const auto* key : kFiles) {
    if (auto readable = CheckReadable(key, value(key)); !readable.ok()) return readable;
  }
  return base::Done{};
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
    return Malformed("expected as many ports and hostaddr as hosts, or one port for all");
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
  if (const auto checked = CheckValues(all); !checked.ok()) return checked.error();
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

base::Result<std::vector<DsnWithPassword>> ParseDsnsWithPasswords(std::string_view text) {
  std::vector<DsnWithPassword> parsed;
  for (const auto part : SplitUris(text)) {
    auto parameters = ParseWithService(part);
    if (!parameters.ok()) return parameters.error();
    Parameters open = *parameters;
    const auto password = open.contains("password") ? open.at("password") : std::string();
    for (const auto secret : kSecrets) open.erase(std::string(secret));
    auto dsns = Expand(open);
    if (!dsns.ok()) return dsns.error();
    for (const auto& dsn : *dsns) parsed.push_back({dsn, password});
  }
  return parsed;
}

base::Result<std::vector<Dsn>> ParseDsn(std::string_view text) {
  std::vector<Dsn> parsed;
  for (const auto part : SplitUris(text)) {
    const auto parameters = ParseWithService(part);
    if (!parameters.ok()) return parameters.error();
    for (const auto secret : kSecrets) {
      if (!parameters->contains(std::string(secret))) continue;
      return Malformed("holds a secret (" + std::string(secret) +
                       "), which would be seen in files and process lists: " +
                       (secret == "password" ? "put it into a file and name that as password_file"
                                             : "use a key without a pass phrase"));
    }
    auto dsns = Expand(*parameters);
    if (!dsns.ok()) return dsns.error();
    parsed.insert(parsed.end(), dsns->begin(), dsns->end());
  }
  return parsed;
}

}  // namespace pgvigil::postgres
