#include "objectstore/credential_endpoints.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/timestamps.h"
#include "http/url.h"
#include "objectstore/list_xml.h"
#include "objectstore/profile.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMostOfAToken = 64 << 10;
constexpr std::uint64_t kMostOfADocument = 64 << 10;
constexpr auto kOneTry = std::chrono::seconds(5);
constexpr auto kInstanceTry = std::chrono::seconds(1);

using Found = base::Result<std::optional<Credentials>>;

Found Nothing() { return std::optional<Credentials>(); }

Found Told(base::Result<Credentials> credentials, const std::string& subject) {
  if (credentials.ok()) return std::optional(*std::move(credentials));
  auto error = credentials.error();
  error.subject = subject;
  return error;
}

base::Deadline Within(const EndpointAccess& access, base::Deadline deadline, base::SteadyTime::duration span) {
  return std::min(deadline, base::Deadline::After(access.clock->Steady(), span));
}

base::Result<http::Response> Ask(const EndpointAccess& access, Operation operation, http::Request request) {
  if (access.counts) access.counts->Count(operation);
  request.most = kMostOfADocument;
  return access.client->Fetch(std::move(request));
}

Error Refusal(const http::Response& response, std::string what, const std::string& subject) {
  const auto kind = response.status >= 500 ? ErrorKind::kUnavailable : ErrorKind::kAuth;
  return {kind, std::move(what), subject, std::to_string(response.status)};
}

class WebIdentity final : public CredentialSource {
 public:
  WebIdentity(EndpointAccess access, std::string region) : access_(std::move(access)), region_(std::move(region)) {}
  std::string Name() const override { return "AWS_WEB_IDENTITY_TOKEN_FILE"; }

  Found Get(base::Deadline deadline) override {
    const auto role = Role();
    if (!role.ok()) return role.error();
    if (role->token_file.empty()) return Nothing();
    if (role->arn.empty()) return Error{ErrorKind::kAuth, "a web identity also needs AWS_ROLE_ARN", {}, {}};
    const auto token = base::ReadFile(role->token_file, kMostOfAToken);
    if (!token.ok()) return token.error();
    const auto endpoint =
        access_.environment("AWS_ENDPOINT_URL_STS")
            .value_or("https://sts." + region_ + (region_.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com"));
    http::Request request(Within(access_, deadline, kOneTry));
    request.method = "POST";
    request.url = endpoint + (endpoint.ends_with('/') ? "" : "/");
    request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    request.body = CanonicalQuery({{"Action", "AssumeRoleWithWebIdentity"},
                                   {"Version", "2011-06-15"},
                                   {"RoleArn", role->arn},
                                   {"RoleSessionName", role->session},
                                   {"WebIdentityToken", std::string(base::Trim(*token))}});
    const auto response = Ask(access_, Operation::kSts, std::move(request));
    if (!response.ok()) return response.error();
    if (response->status != 200) {
      const auto reply = ParseErrorReply(response->body);
      return Refusal(*response, "STS gives no key for this role to this service account (" + reply.code + ")",
                     role->arn);
    }
    if (auto assumed = ParseAssumedRole(response->body)) return std::optional(*std::move(assumed));
    return Error{ErrorKind::kMalformed, "STS did not answer with credentials", role->arn, {}};
  }

 private:
  struct RoleOfIdentity {
    std::string token_file, arn, session;
  };

  base::Result<RoleOfIdentity> Role() const {
    RoleOfIdentity role{access_.environment("AWS_WEB_IDENTITY_TOKEN_FILE").value_or(""),
                        access_.environment("AWS_ROLE_ARN").value_or(""),
                        access_.environment("AWS_ROLE_SESSION_NAME").value_or("pgvigil")};
    if (!role.token_file.empty()) return role;
    auto settings = ReadProfile(access_.environment);
    if (!settings.ok()) return settings.error();
    auto profile = *std::move(settings);
    role.token_file = profile["web_identity_token_file"];
    if (!role.token_file.empty()) role.arn = profile["role_arn"];
    return role;
  }

  const EndpointAccess access_;
  const std::string region_;
};

class Container final : public CredentialSource {
 public:
  explicit Container(EndpointAccess access) : access_(std::move(access)) {}
  std::string Name() const override { return "AWS_CONTAINER_CREDENTIALS_FULL_URI"; }

  Found Get(base::Deadline deadline) override {
    const auto relative = access_.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const auto full = access_.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full) return Nothing();
    http::Request request(Within(access_, deadline, kOneTry));
    request.url = relative ? "http://169.254.170.2" + *relative : *full;
    request.direct = true;
    const auto url = http::ParseUrl(request.url);
    if (!url.ok()) return url.error();
    if (!IsTrusted(*url)) {
      return Error{ErrorKind::kUnsupported,
                   "a container's credentials are asked for without TLS on this host only",
                   url->HostAndPort(),
                   {}};
    }
    auto token = access_.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
    if (const auto file = access_.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      const auto text = base::ReadFile(*file, kMostOfAToken);
      if (!text.ok()) return text.error();
      token = base::Trim(*text);
    }
    if (!token.empty()) request.headers.emplace_back("authorization", token);
    const auto response = Ask(access_, Operation::kContainer, std::move(request));
    if (!response.ok()) return response.error();
    if (response->status != 200)
      return Refusal(*response, "the container's agent gives no credentials", url->HostAndPort());
    return Told(ParseCredentialDocument(response->body), url->HostAndPort());
  }

 private:
  // The token must not be read on the way.
  static bool IsTrusted(const http::Url& url) {
    constexpr std::array<std::string_view, 6> kHosts = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                                        "localhost",     "127.0.0.1",      "[::1]"};
    return url.scheme == "https" || std::find(kHosts.begin(), kHosts.end(), url.host) != kHosts.end();
  }

  const EndpointAccess access_;
};

class Instance final : public CredentialSource {
 public:
  explicit Instance(EndpointAccess access) : access_(std::move(access)) {}
  std::string Name() const override { return "the metadata service of the instance"; }

  Found Get(base::Deadline deadline) override {
    if (access_.environment("AWS_EC2_METADATA_DISABLED").value_or("") == "true") return Nothing();
    const auto session = Fetch(deadline, "PUT", "/latest/api/token", {{"x-aws-ec2-metadata-token-ttl-seconds", "300"}});
    if (!session.ok()) {  // no such service: we are somewhere else
      return access_.clock->Steady() < deadline.at() ? Nothing() : Found(session.error());
    }
    if (session->status != 200) return Nothing();
    const http::Headers headers = {{"x-aws-ec2-metadata-token", std::string(base::Trim(session->body))}};
    const std::string path = "/latest/meta-data/iam/security-credentials/";
    const auto role = Fetch(deadline, "GET", path, headers);
    if (!role.ok()) return role.error();
    if (role->status == 404) return Nothing();  // no role is attached
    if (role->status != 200) return Refusal(*role, "the metadata service names no role", Origin());
    const auto name = base::Trim(std::string_view(role->body).substr(0, role->body.find('\n')));
    const auto document = Fetch(deadline, "GET", path + http::PercentEncode(name), headers);
    if (!document.ok()) return document.error();
    if (document->status != 200) return Refusal(*document, "the metadata service gives no credentials", Origin());
    return Told(ParseCredentialDocument(document->body), Origin());
  }

 private:
  std::string Origin() const {
    auto origin = access_.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
    while (origin.ends_with('/')) origin.pop_back();
    return origin;
  }

  base::Result<http::Response> Fetch(base::Deadline deadline, std::string method, const std::string& path,
                                     http::Headers headers) const {
    http::Request request(Within(access_, deadline, kInstanceTry));
    request.method = std::move(method);
    request.url = Origin() + path;
    request.headers = std::move(headers);
    request.direct = true;
    return Ask(access_, Operation::kInstanceMetadata, std::move(request));
  }

  const EndpointAccess access_;
};

}  // namespace

base::Result<Credentials> ParseCredentialDocument(std::string_view json) {
  const Error malformed{
      ErrorKind::kMalformed, "expected a document with AccessKeyId, SecretAccessKey and Expiration", {}, {}};
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) return malformed;
  const auto text = [&](const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (const auto code = text("Code"); !code.empty() && code != "Success") {
    return Error{ErrorKind::kAuth, "the server gives no credentials: " + base::ValidUtf8(code.substr(0, 100)), {}, {}};
  }
  Credentials credentials{{text("AccessKeyId"), text("SecretAccessKey"), text("Token")},
                          base::ParseIsoTime(text("Expiration"))};
  if (credentials.key.id.empty() || credentials.key.secret.empty() || !credentials.expires) return malformed;
  return credentials;
}

std::unique_ptr<CredentialSource> FromWebIdentity(EndpointAccess access, std::string region) {
  return std::make_unique<WebIdentity>(std::move(access), std::move(region));
}

std::unique_ptr<CredentialSource> FromContainer(EndpointAccess access) {
  return std::make_unique<Container>(std::move(access));
}

std::unique_ptr<CredentialSource> FromInstance(EndpointAccess access) {
  return std::make_unique<Instance>(std::move(access));
}

}  // namespace pgvigil::objectstore
