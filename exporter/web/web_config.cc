#include "web/web_config.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "yaml/document.h"

namespace pgvigil::web {
namespace {

using yaml::Node;

template <typename Value, std::size_t N>
using Names = std::array<std::pair<std::string_view, Value>, N>;

constexpr Names<ClientAuth, 5> kClientAuth = {{{"NoClientCert", ClientAuth::kNone},
                                               {"RequestClientCert", ClientAuth::kRequest},
                                               {"RequireAnyClientCert", ClientAuth::kRequireAny},
                                               {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
                                               {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify}}};
constexpr Names<int, 2> kVersions = {{{"TLS12", TLS1_2_VERSION}, {"TLS13", TLS1_3_VERSION}}};
constexpr Names<const char*, 4> kCurves = {
    {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}}};
// Go's names of the suites that OpenSSL has, too. Those of TLS 1.3 cannot be chosen there either.
constexpr Names<const char*, 6> kSuites = {{
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
}};
constexpr std::array<std::string_view, 5> kHeaders = {"Content-Security-Policy", "X-Frame-Options",
                                                      "X-Content-Type-Options", "X-XSS-Protection",
                                                      "Strict-Transport-Security"};

class Reader {
 public:
  Reader(std::string directory, base::Diagnostics& diagnostics)
      : directory_(std::move(directory)), diagnostics_(diagnostics) {}

  WebConfig Read(const Node& root) {
    WebConfig config;
    for (const auto& [key, place, value] : root.members()) {
      if (key == "tls_server_config") {
        config.tls = Tls(value);
      } else if (key == "http_server_config") {
        Http(value, config);
      } else if (key == "basic_auth_users") {
        Users(value, config);
      } else if (key == "rate_limit") {
        diagnostics_.Error(place, key, "is not supported: scrapes are joined and waiting ones limited by themselves");
      } else {
        diagnostics_.Error(place, key,
                           "unknown key; there are: tls_server_config, http_server_config, basic_auth_users");
      }
    }
    return config;
  }

 private:
  std::string Path(const Node& node) const {
    if (node.text().empty() || std::filesystem::path(node.text()).is_absolute()) return node.text();
    return (std::filesystem::path(directory_) / node.text()).string();
  }

  // The value that a name stands for.
  template <typename Value, std::size_t N>
  void OneOf(const Node& node, const std::string& path, const Names<Value, N>& names, Value& into) {
    std::string all;
    for (const auto& [name, value] : names) {
      if (node.text() == name) {
        into = value;
        return;
      }
      all += (all.empty() ? "" : ", ") + std::string(name);
    }
    diagnostics_.Error(node.place(), path, "expected one of " + all + ", found \"" + node.text() + "\"");
  }

  template <std::size_t N>
  std::string Joined(const Node& node, const std::string& path, const Names<const char*, N>& names) {
    std::string joined;
    for (const auto& item : node.items()) {
      const char* name = nullptr;
      OneOf(item, path, names, name);
      if (name != nullptr) joined += (joined.empty() ? "" : ":") + std::string(name);
    }
    return joined;
  }

  TlsOptions Tls(const Node& node) {
    TlsOptions options;
    for (const auto& [key, place, value] : node.members()) {
      const auto path = "tls_server_config." + key;
      if (key == "cert_file") {
        options.cert_file = Path(value);
      } else if (key == "key_file") {
        options.key_file = Path(value);
      } else if (key == "client_ca_file") {
        options.client_ca_file = Path(value);
      } else if (key == "client_auth_type") {
        OneOf(value, path, kClientAuth, options.client_auth);
      } else if (key == "client_allowed_sans") {
        for (const auto& item : value.items()) options.client_allowed_sans.push_back(item.text());
      } else if (key == "min_version") {
        OneOf(value, path, kVersions, options.min_version);
      } else if (key == "max_version") {
        OneOf(value, path, kVersions, options.max_version);
      } else if (key == "cipher_suites") {
        options.cipher_list = Joined(value, path, kSuites);
      } else if (key == "curve_preferences") {
        options.curves = Joined(value, path, kCurves);
      } else if (key == "prefer_server_cipher_suites") {
        options.prefer_server_ciphers = value.text() != "false";
      } else if (key == "cert" || key == "key" || key == "client_ca") {
        diagnostics_.Error(place, path, "a value in the file is not supported: name a file as " + key + "_file");
      } else {
        diagnostics_.Error(place, path, "unknown key");
      }
    }
    CheckTls(node, options);
    return options;
  }

  void CheckTls(const Node& node, const TlsOptions& options) {
    if (options.cert_file.empty() || options.key_file.empty()) {
      diagnostics_.Error(node.place(), "tls_server_config", "expected both cert_file and key_file");
    }
    const bool verifies =
        options.client_auth == ClientAuth::kVerifyIfGiven || options.client_auth == ClientAuth::kRequireAndVerify;
    if (verifies && options.client_ca_file.empty()) {
      diagnostics_.Error(node.place(), "tls_server_config",
                         "client_auth_type needs a client_ca_file to verify against");
    }
    if (options.client_auth == ClientAuth::kNone && !options.client_ca_file.empty()) {
      diagnostics_.Error(node.place(), "tls_server_config",
                         "client_ca_file without a client_auth_type would do nothing: set RequireAndVerifyClientCert");
    }
  }

  void Http(const Node& node, WebConfig& config) {
    for (const auto& [key, place, value] : node.members()) {
      if (key == "http2") continue;  // HTTP/1.1 alone is spoken here, which that switch may not forbid
      if (key != "headers") {
        diagnostics_.Error(place, "http_server_config." + key, "unknown key; there are: http2, headers");
        continue;
      }
      for (const auto& [name, header_place, text] : value.members()) {
        const bool plain = text.text().find_first_of("\r\n") == std::string::npos;
        if (plain && std::find(kHeaders.begin(), kHeaders.end(), name) != kHeaders.end()) {
          config.headers.emplace_back(name, text.text());
        } else {
          diagnostics_.Error(header_place, "http_server_config.headers." + name,
                             "is not a header that can be set here");
        }
      }
    }
  }

  void Users(const Node& node, WebConfig& config) {
    for (const auto& [user, place, hash] : node.members()) {
      const auto& text = hash.text();
      constexpr std::size_t kBcryptLength = 60;
      if (text.size() == kBcryptLength &&
          (text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$"))) {
        config.users.emplace(user, text);
      } else {
        diagnostics_.Error(hash.place(), "basic_auth_users." + user,
                           "expected a bcrypt hash ($2y$...), as htpasswd -nBC 10 makes");
      }
    }
  }

  const std::string directory_;
  base::Diagnostics& diagnostics_;
};

}  // namespace

std::optional<WebConfig> LoadWebConfig(const std::string& path, base::Diagnostics& diagnostics) {
  if (path.empty()) return WebConfig{};
  const auto root = yaml::Load(path, {}, diagnostics);
  if (!root) return std::nullopt;
  if (root->IsNull()) return WebConfig{};
  base::Diagnostics found;
  auto config = Reader(std::filesystem::path(path).parent_path().string(), found).Read(*root);
  if (!root->IsMap()) found.Error(root->place(), "", "expected a map");
  for (const auto& entry : found.entries()) diagnostics.Error(entry.place, entry.path, entry.message);
  if (found.HasErrors()) return std::nullopt;
  return config;
}

}  // namespace pgvigil::web
