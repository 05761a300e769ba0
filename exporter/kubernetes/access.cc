#include "kubernetes/access.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/text.h"
#include "yaml/document.h"

namespace pgvigil::kubernetes {
namespace {

using base::Error;
using base::ErrorKind;
using yaml::Node;

constexpr std::size_t kTokenAtMost = 64 << 10;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string TextOf(const Node* map, std::string_view key) {
  const Node* found = map == nullptr ? nullptr : map->Find(key);
  return found != nullptr && found->IsScalar() ? found->text() : "";
}

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string Format(const base::Place& place) {
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

// A kubeconfig being read: its parts by name, its paths by its folder.
class Kubeconfig {
 public:
  Kubeconfig(const Node& root, std::string path) : root_(root), path_(std::move(path)) {}

  base::Result<Access> Read() const {
    const auto current = TextOf(&root_, "current-context");
    if (current.empty()) return Wrong(root_, "current-context", "expected the name of a context, found none");
    const Node* context = Named("contexts", "context", current);
    if (context == nullptr) return Wrong(root_, "current-context", "there is no context " + current);
    const Node* cluster = Named("clusters", "cluster", TextOf(context, "cluster"));
    if (cluster == nullptr) return Wrong(*context, "cluster", "there is no cluster " + TextOf(context, "cluster"));
    const Node* user = Named("users", "user", TextOf(context, "user"));
    if (user == nullptr) return Wrong(*context, "user", "there is no user " + TextOf(context, "user"));
    Access access;
    access.space = TextOf(context, "namespace");
    if (const auto status = ReadCluster(*cluster, access); !status.ok()) return status.error();
    if (const auto status = ReadUser(*user, access); !status.ok()) return status.error();
    return access;
  }

 private:
  // The member `what` of the entry of that name in the list.
  const Node* Named(std::string_view list, std::string_view what, const std::string& name) const {
    const Node* const all = root_.Find(list);
    if (all == nullptr || !all->IsSequence()) return nullptr;
    for (const auto& entry : all->items()) {
      if (entry.IsMap() && TextOf(&entry, "name") == name) return entry.Find(what);
    }
    return nullptr;
  }

  base::Status ReadCluster(const Node& cluster, Access& access) const {
    access.server = WithoutSlash(TextOf(&cluster, "server"));
    if (!access.server.starts_with("https://"))
      return Wrong(cluster, "server", "expected https://host:port of the API server, found \"" + access.server + "\"");
    if (TextOf(&cluster, "insecure-skip-tls-verify") == "true")
      return Refused(cluster, "insecure-skip-tls-verify",
                     "the server is always verified: name its certificate-authority");
    if (!TextOf(&cluster, "tls-server-name").empty())
      return Refused(cluster, "tls-server-name", "name the server as its certificate does");
    if (!TextOf(&cluster, "proxy-url").empty())
      return Refused(cluster, "proxy-url", "set https_proxy in the environment");
    return Pem(cluster, "certificate-authority", access.tls.ca_pem, access.tls.ca_file);
  }

  base::Status ReadUser(const Node& user, Access& access) const {
    for (const auto* key : {"exec", "auth-provider"}) {
      if (user.Find(key) != nullptr)
        return Refused(user, key,
                       "no program is run for a login: use a service account's token, or a client certificate");
    }
    if (user.Find("username") != nullptr)
      return Refused(user, "username", "API servers take no passwords: use a token or a client certificate");
    access.token = TextOf(&user, "token");
    if (const auto file = TextOf(&user, "tokenFile"); !file.empty()) {  // wins, as in client-go
      access.token_file = Absolute(file);
      access.token.clear();
    }
    auto status = Pem(user, "client-certificate", access.tls.certificate_pem, access.tls.certificate_file);
    if (!status.ok()) return status;
    return Pem(user, "client-key", access.tls.key_pem, access.tls.key_file);
  }

  // `key`: a file; `key`-data: its content in base64, which wins.
  base::Status Pem(const Node& map, const std::string& key, std::string& pem, std::string& file) const {
    const auto data = TextOf(&map, key + "-data");
    if (data.empty()) {
      if (const auto named = TextOf(&map, key); !named.empty()) file = Absolute(named);
      return base::Done{};
    }
    const auto decoded = base::DecodeBase64(data);
    if (!decoded) return Wrong(map, key + "-data", "expected base64 on one line");
    pem = *decoded;
    return base::Done{};
  }

  std::string Absolute(const std::string& file) const {
    return (std::filesystem::absolute(path_).parent_path() / file).string();
  }

  // The place of the key where it is there, otherwise of the map.
  Error Wrong(const Node& map, std::string_view key, const std::string& message,
              ErrorKind kind = ErrorKind::kMalformed) const {
    const Node* const at = map.Find(key);
    return {kind, std::string(key) + ": " + message, Format(at != nullptr ? at->place() : map.place()), {}};
  }
  Error Refused(const Node& map, std::string_view key, const std::string& instead) const {
    return Wrong(map, key, "is not supported: " + instead, ErrorKind::kUnsupported);
  }

  const Node& root_;
  const std::string path_;
};

}  // namespace

base::Result<Access> InCluster(const std::string& folder) {
  const auto host = Environment("KUBERNETES_SERVICE_HOST"), port = Environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return Error{ErrorKind::kNotFound,
                 "this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): name a kubeconfig",
                 "kubernetes",
                 {}};
  }
  Access access;
  access.server = "https://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  access.tls.ca_file = folder + "/ca.crt";
  access.token_file = folder + "/token";
  if (const auto token = base::ReadFile(access.token_file, kTokenAtMost); !token.ok()) {
    return Error{ErrorKind::kNotFound,
                 "the service account's token is not mounted (automountServiceAccountToken): " + token.error().message,
                 access.token_file,
                 {}};
  }
  if (const auto space = base::ReadFile(folder + "/namespace", 256); space.ok()) access.space = *space;
  return access;
}

base::Result<Access> FromKubeconfig(const std::string& path) {
  base::Diagnostics diagnostics;
  const auto root = yaml::Load(path, {}, diagnostics);
  if (diagnostics.HasErrors() || root == nullptr) {
    std::string said;
    for (const auto& entry : diagnostics.entries()) said += (said.empty() ? "" : "; ") + base::Format(entry);
    return Error{ErrorKind::kMalformed, said, path, {}};
  }
  if (!root->IsMap())
    return Error{ErrorKind::kMalformed, "expected a kubeconfig, a map with clusters, users, contexts", path, {}};
  return Kubeconfig(*root, path).Read();
}

base::Result<std::string> Authorization(const Access& access) {
  if (access.token_file.empty()) return access.token.empty() ? std::string() : "Bearer " + access.token;
  const auto token = base::ReadFile(access.token_file, kTokenAtMost);
  if (!token.ok()) return token.error();
  return "Bearer " + std::string(base::Trim(*token));
}

}  // namespace pgvigil::kubernetes
