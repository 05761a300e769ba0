#include "web/access.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "base/logging.h"

namespace pgvigil::web {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);
// Of no password anybody knows: an unknown user takes as long as a known one.
constexpr const char* kDummyHash = "$2y$10$abcdefghijklmnopqrstuuQXnN2yWnbEXeiPWNlW6Mwn7jVIBiBLa";

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string decoded(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  decoded.resize(static_cast<std::size_t>(length) - padding);
  return decoded;
}

// RFC 7617: "Basic " and base64 of user:password.
std::optional<std::pair<std::string, std::string>> BasicCredentials(const Request& request) {
  const auto header = request.headers.find("authorization");
  constexpr std::string_view kScheme = "Basic ";
  if (header == request.headers.end() || !header->second.starts_with(kScheme)) return std::nullopt;
  const auto decoded = DecodeBase64(std::string_view(header->second).substr(kScheme.size()));
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

std::string Digest(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

bool Equal(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool MatchesHash(const std::string& password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();
  const char* computed = crypt_r(password.c_str(), hash.c_str(), work.get());
  return computed != nullptr && Equal(computed, hash);
}

}  // namespace

base::Result<std::unique_ptr<Access>> Access::Load(const std::string& path) {
  base::Diagnostics diagnostics;
  auto access = std::unique_ptr<Access>(new Access(path));
  access->stamp_ = FileStamp::Of(path);
  auto config = LoadWebConfig(path, diagnostics);
  if (!config) return base::Error{base::ErrorKind::kMalformed, diagnostics.Format(), path, {}};
  access->tls_options_ = config->tls;
  access->config_ = std::make_shared<const WebConfig>(*std::move(config));
  return access;
}

// The newest good configuration. A file that turned bad is said once and the old one holds.
std::shared_ptr<const WebConfig> Access::Current() {
  const std::lock_guard lock(mutex_);
  const auto now = base::SystemClock().Steady();
  if (path_.empty() || now - looked_ < kLookEvery) return config_;
  looked_ = now;
  const auto stamp = FileStamp::Of(path_);
  if (stamp == stamp_) return config_;
  stamp_ = stamp;
  base::Diagnostics diagnostics;
  if (auto config = LoadWebConfig(path_, diagnostics)) {
    config_ = std::make_shared<const WebConfig>(*std::move(config));
    base::Log(base::LogLevel::kInfo, "web configuration reloaded", {{"file", path_}});
  } else {
    base::Log(base::LogLevel::kError, "web configuration refused: the old one stays",
              {{"problem", diagnostics.Format()}});
  }
  return config_;
}

std::vector<std::pair<std::string, std::string>> Access::headers() { return Current()->headers; }

std::optional<Response> Access::Check(const Request& request) {
  const auto config = Current();
  if (config->users.empty()) return std::nullopt;
  const auto given = BasicCredentials(request);
  if (given && Verify(*config, given->first, given->second)) return std::nullopt;
  auto response = Response::Text(401, "authentication required\n");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"pgvigil\", charset=\"UTF-8\"");
  return response;
}

bool Access::Verify(const WebConfig& config, const std::string& user, const std::string& password) {
  const auto known = config.users.find(user);
  const std::string hash = known == config.users.end() ? kDummyHash : known->second;
  const auto digest = Digest(user + '\0' + password + '\0' + hash);
  const std::lock_guard lock(hashing_);
  const auto verified = verified_.find(user);
  if (verified != verified_.end() && Equal(verified->second, digest)) return true;
  if (!MatchesHash(password, hash) || known == config.users.end()) return false;
  verified_[user] = digest;
  return true;
}

}  // namespace pgvigil::web
