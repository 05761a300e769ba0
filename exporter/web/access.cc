#include "web/access.h"

#include <strings.h>

#include "base/logging.h"
#include "base/text.h"
#include "web/tls.h"

namespace pgvigil::web {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

// RFC 7617: "Basic " in any case and base64 of user:password.
std::optional<std::pair<std::string, std::string>> BasicCredentials(const Request& request) {
  const auto header = request.headers.find("authorization");
  constexpr std::string_view kScheme = "Basic ";
  if (header == request.headers.end()) return std::nullopt;
  if (strncasecmp(header->second.c_str(), kScheme.data(), kScheme.size()) != 0) return std::nullopt;
  const auto decoded = base::DecodeBase64(std::string_view(header->second).substr(kScheme.size()));
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

}  // namespace

base::Result<std::unique_ptr<Access>> Access::Load(const std::string& path) {
  base::Diagnostics diagnostics;
  auto access = std::unique_ptr<Access>(new Access(path));
  access->stamp_ = FileStamp::Of(path);
  auto config = LoadWebConfig(path, diagnostics);
  if (!config) return base::Error{base::ErrorKind::kMalformed, diagnostics.Format(), path, {}};
  access->config_ = std::make_shared<const WebConfig>(*std::move(config));
  return access;
}

// The file as it is now, if it can take the place of the one in use: as a whole or not at all.
base::Result<WebConfig> Access::Acceptable() const {
  base::Diagnostics diagnostics;
  auto config = LoadWebConfig(path_, diagnostics);
  if (!config) return base::Error{base::ErrorKind::kMalformed, diagnostics.Format(), path_, {}};
  if (config->tls.has_value() != config_->tls.has_value()) {
    return base::Error{base::ErrorKind::kUnsupported,
                       "switching TLS " + std::string(config->tls ? "on" : "off") + " needs a restart",
                       path_,
                       {}};
  }
  if (config->tls) {
    if (const auto usable = Tls::Check(*config->tls); !usable.ok()) return usable.error();
  }
  return *std::move(config);
}

// The newest good configuration. A file that is wrong is said once and looked at again, since what it names may change;
// meanwhile the old one holds.
std::shared_ptr<const WebConfig> Access::Current() {
  const std::lock_guard lock(mutex_);
  const auto now = base::SystemClock().Steady();
  if (path_.empty() || now - looked_ < kLookEvery) return config_;
  looked_ = now;
  const auto stamp = FileStamp::Of(path_);
  if (stamp == stamp_) return config_;
  auto config = Acceptable();
  if (config.ok()) {
    stamp_ = stamp;
    refused_ = {};
    config_ = std::make_shared<const WebConfig>(std::move(config).Take());
    base::Log(base::LogLevel::kInfo, "web configuration reloaded", {{"file", path_}});
  } else if (stamp != refused_) {
    refused_ = stamp;
    base::Log(base::LogLevel::kError, "web configuration refused: the old one stays", config.error());
  }
  return config_;
}

std::shared_ptr<const TlsOptions> Access::tls_options() {
  const auto config = Current();
  return config->tls ? std::shared_ptr<const TlsOptions>(config, &*config->tls) : nullptr;
}

std::vector<std::pair<std::string, std::string>> Access::headers() { return Current()->headers; }

std::optional<Response> Access::Check(const Request& request) {
  const auto config = Current();
  if (config->users.empty()) return std::nullopt;
  const auto given = BasicCredentials(request);
  if (given) {
    const auto right = passwords_.Matches(config->users, given->first, given->second);
    if (!right) return Response::Busy("too many passwords are being checked\n");
    if (*right) return std::nullopt;
  }
  auto response = Response::Text(401, "authentication required\n");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"pgvigil\", charset=\"UTF-8\"");
  return response;
}

}  // namespace pgvigil::web
