#include "web/web_config.h"

#include <openssl/ssl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "yaml/form.h"

namespace pgvigil::web {
namespace {

using yaml::Section;

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

template <typename Value, std::size_t N>
constexpr std::array<std::string_view, N> NamesOf(const Names<Value, N>& names) {
  std::array<std::string_view, N> only;
  for (std::size_t i = 0; i < N; ++i) only[i] = names[i].first;
  return only;
}
constexpr auto kClientAuthNames = NamesOf(kClientAuth);
constexpr auto kVersionNames = NamesOf(kVersions);
constexpr auto kCurveNames = NamesOf(kCurves);
constexpr auto kSuiteNames = NamesOf(kSuites);
constexpr std::array<std::string_view, 5> kHeaders = {"Content-Security-Policy", "X-Frame-Options",
                                                      "X-Content-Type-Options", "X-XSS-Protection",
                                                      "Strict-Transport-Security"};

using enum yaml::KeyType;
using yaml::Key;

constexpr std::string_view kNameAFile = "a value in the file is not supported: name a file as ..._file";

constexpr std::array kTls = {
    Key{"cert_file", kText, "", "the certificate, with its chain"}.Required().NotEmpty(),
    Key{"key_file", kText, "", "the certificate's private key"}.Required().NotEmpty(),
    Key{"client_ca_file", kText, "", "what certificates of clients are verified against"}.NotEmpty(),
    Key{"client_auth_type", kChoice, "NoClientCert", "whether clients need a certificate"}.OneOf(kClientAuthNames),
    Key{"client_allowed_sans", kTexts, "", "names that a client's certificate has to bear one of"}.NotEmpty(),
    Key{"min_version", kChoice, "TLS12", "oldest version spoken"}.OneOf(kVersionNames),
    Key{"max_version", kChoice, "TLS13", "newest version spoken"}.OneOf(kVersionNames),
    Key{"cipher_suites", kTexts, "", "suites of TLS 1.2"}.OneOf(kSuiteNames).NotEmpty(),
    Key{"curve_preferences", kTexts, "", "curves, the best one first"}.OneOf(kCurveNames).NotEmpty(),
    Key{"prefer_server_cipher_suites", kSwitch, "true", "whether the server's order decides"},
    Key{"cert", kRefused, "", kNameAFile},
    Key{"key", kRefused, "", kNameAFile},
    Key{"client_ca", kRefused, "", kNameAFile},
};

constexpr std::array kHttp = {
    Key{"http2", kSwitch, "true", "taken and without effect: HTTP/1.1 is spoken, which that switch may not forbid"},
    Key{"headers", kTextMap, "", "headers of every answer"}.OneOf(kHeaders),
};

constexpr std::array kFile = {
    Key{"tls_server_config", kMap, "", "TLS", kTls},
    Key{"http_server_config", kMap, "", "HTTP", kHttp},
    Key{"basic_auth_users", kTextMap, "", "users with the bcrypt hashes of their passwords"}.NotEmpty(),
    Key{"rate_limit", kRefused, "", "is not supported: scrapes are joined and waiting ones limited by themselves"},
};

// The value that a checked name stands for.
template <typename Value, std::size_t N>
Value ValueOf(const std::string& name, const Names<Value, N>& names, Value fallback) {
  for (const auto& [known, value] : names) {
    if (known == name) return value;
  }
  return fallback;
}

class Reader {
 public:
  Reader(std::string directory, base::Diagnostics& diagnostics)
      : directory_(std::move(directory)), diagnostics_(diagnostics) {}

  WebConfig Read(const Section& root) {
    WebConfig config;
    if (root.Has("tls_server_config")) config.tls = Tls(root.Member("tls_server_config"));
    for (const auto* header : root.Member("http_server_config").Members("headers")) {
      const auto& text = header->value.text();
      if (text.find_first_of("\r\n") == std::string::npos) {
        config.headers.emplace_back(header->key, text);
      } else {
        diagnostics_.Error(header->value.place(), "http_server_config.headers." + header->key, "expected one line");
      }
    }
    for (const auto* user : root.Members("basic_auth_users")) User(*user, config);
    return config;
  }

 private:
  // A file's path, from the folder of the configuration on. It has to be readable now; it may change later.
  std::string File(const Section& map, std::string_view key) {
    auto path = map.Text(key);
    if (path.empty()) return path;
    if (!std::filesystem::path(path).is_absolute()) path = (std::filesystem::path(directory_) / path).string();
    if (access(path.c_str(), R_OK) != 0) {
      diagnostics_.Error(map.PlaceOf(key), "tls_server_config." + std::string(key),
                         "cannot read " + path + ": " + std::strerror(errno));
    }
    return path;
  }

  template <std::size_t N>
  static std::string Joined(const Section& map, std::string_view key, const Names<const char*, N>& names) {
    std::string joined;
    for (const auto& item : map.Items(key))
      joined += (joined.empty() ? "" : ":") + std::string(ValueOf(item.node->text(), names, ""));
    return joined;
  }

  TlsOptions Tls(const Section& map) {
    TlsOptions options;
    options.cert_file = File(map, "cert_file");
    options.key_file = File(map, "key_file");
    options.client_ca_file = File(map, "client_ca_file");
    options.client_auth = ValueOf(map.Text("client_auth_type"), kClientAuth, ClientAuth::kNone);
    for (const auto& item : map.Items("client_allowed_sans")) options.client_allowed_sans.push_back(item.node->text());
    options.min_version = ValueOf(map.Text("min_version"), kVersions, 0);
    options.max_version = ValueOf(map.Text("max_version"), kVersions, 0);
    options.cipher_list = Joined(map, "cipher_suites", kSuites);
    options.curves = Joined(map, "curve_preferences", kCurves);
    options.prefer_server_ciphers = map.Switch("prefer_server_cipher_suites", true);
    CheckTls(map, options);
    return options;
  }

  // What one key alone cannot tell.
  void CheckTls(const Section& map, const TlsOptions& options) {
    const auto wrong = [&](std::string_view key, std::string message) {
      diagnostics_.Error(map.PlaceOf(key), "tls_server_config." + std::string(key), std::move(message));
    };
    const bool verifies =
        options.client_auth == ClientAuth::kVerifyIfGiven || options.client_auth == ClientAuth::kRequireAndVerify;
    if (verifies && options.client_ca_file.empty())
      wrong("client_auth_type", "needs a client_ca_file to verify against");
    if (options.client_auth == ClientAuth::kNone && map.Has("client_ca_file"))
      wrong("client_ca_file", "would do nothing without a client_auth_type: set RequireAndVerifyClientCert");
    if (!verifies && map.Has("client_allowed_sans")) {
      wrong("client_allowed_sans",
            "proves nothing of a certificate that is not verified: set client_auth_type: RequireAndVerifyClientCert");
    }
    if (options.min_version != 0 && options.max_version != 0 && options.min_version > options.max_version)
      wrong("min_version", "is above max_version: no version is left to speak");
  }

  void User(const yaml::Node::Member& user, WebConfig& config) {
    const auto& text = user.value.text();
    constexpr std::size_t kBcryptLength = 60;
    if (text.size() == kBcryptLength &&
        (text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$"))) {
      config.users.emplace(user.key, text);
    } else {
      diagnostics_.Error(user.value.place(), "basic_auth_users." + user.key,
                         "expected a bcrypt hash ($2y$...), as htpasswd -nBC 10 makes");
    }
  }

  const std::string directory_;
  base::Diagnostics& diagnostics_;
};

}  // namespace

std::optional<WebConfig> LoadWebConfig(const std::string& path, base::Diagnostics& diagnostics) {
  if (path.empty()) return WebConfig{};
  base::Diagnostics found;
  WebConfig config;
  if (const auto root = yaml::Load(path, {}, found)) {
    const auto unfit = yaml::CheckForm(*root, kFile, yaml::Nothing::kRefused, found);
    const Section whole(unfit.contains(root.get()) ? nullptr : root.get(), unfit);
    config = Reader(std::filesystem::path(path).parent_path().string(), found).Read(whole);
  }
  for (const auto& entry : found.entries()) diagnostics.Error(entry.place, entry.path, entry.message);
  if (found.HasErrors()) return std::nullopt;
  return config;
}

}  // namespace pgvigil::web
