// `pgvigil status`: asks a running exporter.
#include <openssl/evp.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/deadline.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/status_text.h"
#include "http/client.h"
#include "http/url.h"

namespace pgvigil::cli {
namespace {

constexpr auto kAnswerWithin = std::chrono::seconds(15);
constexpr std::uint64_t kMostBytes = 64 << 20;
constexpr std::size_t kMostPassword = 4096;
constexpr std::string_view kPath = "/api/v1/status";

int Refuse(const StatusOptions& options, const std::string& why, int code = kUnknown) {
  std::fprintf(stderr, "pgvigil: cannot ask %s: %s\n", options.url.c_str(), why.c_str());
  return code;
}

std::string BasicAuthorization(const std::string& user, const std::string& password) {
  const auto plain = user + ":" + password;
  std::string encoded((plain.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
  encoded.resize(static_cast<std::size_t>(length));
  return "Basic " + encoded;
}

// What is on this machine is never asked through a proxy.
bool IsHere(const std::string& host) { return host == "localhost" || host.starts_with("127.") || host == "[::1]"; }

std::string Explained(const base::Error& error, const http::Url& url) {
  const auto message = error.subject.empty() ? error.message : error.subject + ": " + error.message;
  switch (error.kind) {
    case base::ErrorKind::kRefused: return message + ". Is `pgvigil serve` running there? --url names another address.";
    case base::ErrorKind::kAuth:
      return message + ". --ca-file names the authority of its certificate; --cert-file and --key-file are our own.";
    case base::ErrorKind::kMalformed:
    case base::ErrorKind::kUnavailable:
      return message + (url.scheme == "http" ? ". If it serves TLS, ask with --url https://..." : ".");
    default: return message;
  }
}

int RefusedBy(const StatusOptions& options, const http::Response& response) {
  const auto said = std::string(base::Trim(response.body));
  switch (response.status) {
    case 400: return Refuse(options, said, kBadConfiguration);
    case 401:
      return Refuse(options, options.user.empty()
                                 ? "it wants to know who asks: give --user NAME and --password-file FILE"
                                 : "it does not accept user \"" + options.user + "\" with this password");
    case 404: return Refuse(options, "what answers there is no pgvigil that knows " + std::string(kPath));
    default:
      return Refuse(options, "it answered " + std::to_string(response.status) + (said.empty() ? "" : ": " + said));
  }
}

int CodeOf(const std::string& standing) {
  if (standing == "fine") return kFine;
  return standing == "broken" ? kProblem : kUnknown;
}

int Print(const StatusOptions& options, const std::string& json) {
  const bool colour = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  const auto rendered = RenderStatus(json, colour);
  if (!rendered)
    return Refuse(options, "expected the JSON of pgvigil's " + std::string(kPath) + ", found something else");
  const auto& out = options.json ? json : rendered->text;
  std::fwrite(out.data(), 1, out.size(), stdout);
  return CodeOf(rendered->standing);
}

}  // namespace

int Status(const StatusOptions& options) {
  const auto url = http::ParseUrl(options.url);
  if (!url.ok()) return Refuse(options, url.error().message, kBadConfiguration);
  http::Request request(base::Deadline::After(base::SystemClock().Steady(), kAnswerWithin));
  auto prefix = url->path;
  while (prefix.ends_with('/')) prefix.pop_back();
  request.url = url->Origin() + prefix + std::string(kPath);
  if (!options.cluster.empty()) request.url += "?cluster=" + http::PercentEncode(options.cluster);
  request.tls.ca_file = options.ca_file;
  request.tls.certificate_file = options.certificate_file;
  request.tls.key_file = options.key_file;
  request.direct = IsHere(url->host);
  request.most = kMostBytes;
  if (!options.user.empty()) {
    const auto password = base::ReadFile(options.password_file, kMostPassword);
    if (!password.ok()) return Refuse(options, password.error().message, kBadConfiguration);
    request.headers.emplace_back("Authorization", BasicAuthorization(options.user, *password));
  }
  std::string body;
  request.sink = [&body](std::string_view bytes) {
    body += bytes;
    return true;
  };
  http::Client client;
  const auto response = client.Fetch(std::move(request));
  if (!response.ok()) return Refuse(options, Explained(response.error(), *url));
  if (response->status != 200) return RefusedBy(options, *response);
  return Print(options, body);
}

}  // namespace pgvigil::cli
