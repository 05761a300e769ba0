#include "kubernetes/access.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pgvigil::kubernetes {
namespace {

using base::ErrorKind;

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    folder_ = testing::TempDir() + "pgvigil-access-XXXXXX";
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~AccessTest() override {
    std::filesystem::remove_all(folder_);
    for (const auto* name : {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) unsetenv(name);
  }

  void Write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
  // A kubeconfig with this cluster and user.
  base::Result<Access> Of(const std::string& cluster, const std::string& user) const {
    Write("config", "apiVersion: v1\ncurrent-context: lab\nclusters:\n- name: c\n  cluster: {" + cluster +
                        "}\nusers:\n- name: u\n"
                        "  user: {" +
                        user + "}\ncontexts:\n- name: lab\n  context: {cluster: c, user: u, namespace: shop}\n");
    return FromKubeconfig(folder_ + "/config");
  }
  std::string Refusal(const std::string& cluster, const std::string& user) const {
    const auto access = Of(cluster, user);
    if (access.ok()) return "taken";
    EXPECT_TRUE(access.error().subject.starts_with(folder_ + "/config:")) << access.error().subject;
    return std::string(Name(access.error().kind)) + ": " + access.error().message;
  }

  std::string folder_;
};

constexpr auto* kServer = "server: 'https://10.0.0.1:6443/'";

TEST_F(AccessTest, AContextWithATokenFile) {
  Write("token", "first\n");
  const auto access = Of(std::string(kServer) + ", certificate-authority: pki/ca.crt", "tokenFile: token, token: old");
  ASSERT_TRUE(access.ok()) << access.error().message;
  EXPECT_EQ(access->server, "https://10.0.0.1:6443");
  EXPECT_EQ(access->space, "shop");
  EXPECT_EQ(access->tls.ca_file, folder_ + "/pki/ca.crt");
  EXPECT_EQ(*Authorization(*access), "Bearer first");
  Write("token", "second\n");
  EXPECT_EQ(*Authorization(*access), "Bearer second") << "tokens are rotated";
  std::filesystem::remove(folder_ + "/token");
  EXPECT_FALSE(Authorization(*access).ok());
}

TEST_F(AccessTest, ACertificateAsTextAndAsFiles) {
  const auto access = Of(std::string(kServer) + ", certificate-authority-data: Q0E=, certificate-authority: no",
                         "client-certificate-data: Q0VSVA==, client-key: /etc/key.pem");
  ASSERT_TRUE(access.ok()) << access.error().message;
  EXPECT_EQ(access->tls.ca_pem, "CA");
  EXPECT_EQ(access->tls.ca_file, "");
  EXPECT_EQ(access->tls.certificate_pem, "CERT");
  EXPECT_EQ(access->tls.key_file, "/etc/key.pem");
  EXPECT_EQ(*Authorization(*access), "");
}

TEST_F(AccessTest, WhatIsNotSupportedIsSaidWithWhatToDoInstead) {
  EXPECT_EQ(Refusal(kServer, "exec: {command: aws}"),
            "unsupported: exec: is not supported: no program is run for a login: use a service account's token, or a "
            "client certificate");
  EXPECT_TRUE(Refusal(kServer, "auth-provider: {name: gcp}").starts_with("unsupported: auth-provider:"));
  EXPECT_TRUE(Refusal(kServer, "username: a, password: b").starts_with("unsupported: username:"));
  EXPECT_TRUE(Refusal(std::string(kServer) + ", insecure-skip-tls-verify: true", "token: t")
                  .starts_with("unsupported: insecure-skip-tls-verify: is not supported: the server is always"));
  EXPECT_TRUE(Refusal(std::string(kServer) + ", tls-server-name: x", "token: t").starts_with("unsupported:"));
  EXPECT_TRUE(Refusal(std::string(kServer) + ", proxy-url: 'http://p'", "token: t").starts_with("unsupported:"));
}

TEST_F(AccessTest, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_EQ(Refusal("server: 'http://10.0.0.1'", "token: t"),
            "malformed: server: expected https://host:port of the API server, found \"http://10.0.0.1\"");
  EXPECT_EQ(Refusal(kServer, "client-key-data: '%'"), "malformed: client-key-data: expected base64 on one line");
  for (const auto* text : {"", "[]", "current-context: x\n", "a: [", "clusters: []\n"}) {
    Write("config", text);
    EXPECT_FALSE(FromKubeconfig(folder_ + "/config").ok()) << text;
  }
  EXPECT_FALSE(FromKubeconfig(folder_ + "/missing").ok());
}

TEST_F(AccessTest, TheServiceAccountOfAPod) {
  EXPECT_EQ(InCluster(folder_).error().kind, ErrorKind::kNotFound) << "no pod";
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_TRUE(InCluster(folder_).error().message.starts_with("the service account's token is not mounted"));
  Write("token", "t\n");
  Write("namespace", "monitoring");
  const auto access = InCluster(folder_);
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->space, "monitoring");
  EXPECT_EQ(access->tls.ca_file, folder_ + "/ca.crt");
  EXPECT_EQ(*Authorization(*access), "Bearer t");
}

}  // namespace
}  // namespace pgvigil::kubernetes
