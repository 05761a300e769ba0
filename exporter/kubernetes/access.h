// Where the API server is, and who we are there: the service account of a pod, or a context of a kubeconfig.
// Source: Kubernetes documentation, "Accessing the API from within a Pod", "Organizing Cluster Access Using kubeconfig
// Files"; type v1.Config of client-go's clientcmd/api.
#pragma once

#include <string>

#include "base/result.h"
#include "http/client.h"

namespace pgvigil::kubernetes {

struct Access {
  std::string server;  // https://host[:port][/path], without a slash at its end
  http::Tls tls;
  std::string token;       // as it was written; or
  std::string token_file;  // read again for every request, since it is rotated
  std::string space;       // the namespace one is in
};

inline constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

// From the mounted service account and KUBERNETES_SERVICE_HOST and _PORT. kNotFound: this is no pod, or its token is
// not mounted.
base::Result<Access> InCluster(const std::string& folder = kServiceAccount);

// The current context of that file. Paths in it are relative to its folder. kUnsupported for what would run a program
// (exec, auth-provider), send a password or leave the server unverified: each with what to do instead.
base::Result<Access> FromKubeconfig(const std::string& path);

// The header's value; empty where a client certificate says who we are. Reads the token's file.
base::Result<std::string> Authorization(const Access& access);

}  // namespace pgvigil::kubernetes
