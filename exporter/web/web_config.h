// The web configuration file of the Prometheus ecosystem (exporter-toolkit), read strictly.
// Source: exporter-toolkit, docs/web-configuration.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostics.h"

namespace pgvigil::web {

enum class ClientAuth { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

struct TlsOptions {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
  ClientAuth client_auth = ClientAuth::kNone;
  std::vector<std::string> client_allowed_sans;
  int min_version = 0;      // OpenSSL's number; 0: TLS 1.2
  int max_version = 0;      // likewise; 0: no limit
  std::string cipher_list;  // OpenSSL's names joined with colons; empty: its default
  std::string curves;       // likewise
  bool prefer_server_ciphers = true;
};

struct WebConfig {
  std::optional<TlsOptions> tls;
  std::map<std::string, std::string> users;  // bcrypt hashes
  std::vector<std::pair<std::string, std::string>> headers;
};

// An empty path is an empty configuration. Nothing if there is any error; relative paths start at the file's folder.
std::optional<WebConfig> LoadWebConfig(const std::string& path, base::Diagnostics& diagnostics);

}  // namespace pgvigil::web
