#include "web_fixture.h"

namespace pgvigil::web {
namespace {

using TlsTest = WebTest;

TEST_F(TlsTest, SpeaksTlsFromVersionTwelveOn) {
  const Identity ca("ca");
  const Identity first("first", &ca);
  first.WriteCertificate(directory_ + "tls.crt");
  first.WriteKey(directory_ + "tls.key");
  ASSERT_EQ(Start(kTls), "");
  EXPECT_TRUE(server_->tls());
  EXPECT_EQ(TlsGet(server_->port()).subject, "first");
  EXPECT_TRUE(TlsGet(server_->port(), nullptr, TLS1_2_VERSION).text.ends_with("OK\n"));
  EXPECT_EQ(TlsGet(server_->port(), nullptr, TLS1_1_VERSION).subject, "");
  EXPECT_EQ(Get(server_->port(), "/-/healthy"), "") << "plain HTTP on a TLS port";
}

TEST_F(TlsTest, TakesUpARotatedCertificateAndNotHalfOfOne) {
  const Identity ca("ca");
  const Identity first("first", &ca), second("second", &ca);
  first.WriteCertificate(directory_ + "tls.crt");
  first.WriteKey(directory_ + "tls.key");
  ASSERT_EQ(Start(kTls), "");
  ASSERT_EQ(TlsGet(server_->port()).subject, "first");
  second.WriteCertificate(directory_ + "tls.crt");
  const auto looked_again = base::SystemClock().Steady() + 1500ms;
  while (base::SystemClock().Steady() < looked_again)
    ASSERT_EQ(TlsGet(server_->port()).subject, "first") << "the pair does not fit together yet";
  second.WriteKey(directory_ + "tls.key");
  while (TlsGet(server_->port()).subject != "second") ASSERT_LT(base::SystemClock().Steady(), looked_again + 30s);
}

TEST_F(TlsTest, AsksForAClientsCertificateOfItsCaWhereThatIsWanted) {
  const Identity ca("ca"), stranger_ca("stranger-ca");
  const Identity server("server", &ca), client("prometheus", &ca), other("other", &ca),
      stranger("prometheus", &stranger_ca);
  server.WriteCertificate(directory_ + "tls.crt");
  server.WriteKey(directory_ + "tls.key");
  ca.WriteCertificate(directory_ + "ca.crt");
  ASSERT_EQ(Start("tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_ca_file: ca.crt, "
                  "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prometheus]}\n"),
            "");
  EXPECT_TRUE(TlsGet(server_->port(), &client).text.ends_with("OK\n"));
  EXPECT_EQ(TlsGet(server_->port()).text, "") << "none";
  EXPECT_EQ(TlsGet(server_->port(), &stranger).text, "") << "of another CA";
  EXPECT_EQ(TlsGet(server_->port(), &other).text, "") << "of a name that is not allowed";
}

// What a run-time change of the web configuration does to the next handshakes.
class TlsReloadTest : public WebTest {
 protected:
  const Identity ca_{"ca"};
  const Identity server_identity_{"server", &ca_}, client_{"prometheus", &ca_};

  std::string StartTls(const std::string& more = "") {
    server_identity_.WriteCertificate(directory_ + "tls.crt");
    server_identity_.WriteKey(directory_ + "tls.key");
    ca_.WriteCertificate(directory_ + "ca.crt");
    return Start(Config(more));
  }
  static std::string Config(const std::string& more) {
    return "tls_server_config: {cert_file: tls.crt, key_file: tls.key" + more + "}\n";
  }
  template <typename Condition>
  void Await(Condition condition) const {
    for (const auto end = base::SystemClock().Steady() + 30s; !condition();)
      ASSERT_LT(base::SystemClock().Steady(), end);
  }
  TlsAnswer Ask(const Identity* client = nullptr, int max_version = 0) const {
    return TlsGet(server_->port(), client, max_version);
  }
};

TEST_F(TlsReloadTest, ClientCertificatesAreSwitchedOnAndOffWhileRunning) {
  ASSERT_EQ(StartTls(), "");
  ASSERT_TRUE(Ask().text.ends_with("OK\n"));
  Write("web.yaml", Config(", client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert"));
  Await([this] { return Ask().text.empty(); });
  EXPECT_TRUE(Ask(&client_).text.ends_with("OK\n"));
  EXPECT_EQ(Ask(nullptr, TLS1_2_VERSION).text, "");
  EXPECT_TRUE(Ask(&client_, TLS1_2_VERSION).text.ends_with("OK\n"));
  Write("web.yaml", Config(""));
  Await([this] { return Ask().text.ends_with("OK\n"); });
}

TEST_F(TlsReloadTest, VersionsAndSuitesHoldForTheNextHandshake) {
  ASSERT_EQ(StartTls(), "");
  ASSERT_EQ(Ask(nullptr, TLS1_2_VERSION).subject, "server");
  Write("web.yaml", Config(", min_version: TLS13"));
  Await([this] { return Ask(nullptr, TLS1_2_VERSION).subject.empty(); });
  EXPECT_EQ(Ask().subject, "server");
  Write("web.yaml", Config(", cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]"));
  Await([this] { return Ask(nullptr, TLS1_2_VERSION).suite == "ECDHE-ECDSA-CHACHA20-POLY1305"; });
}

TEST_F(TlsReloadTest, WhatCannotBeTakenUpIsSaidAndTheOldHolds) {
  ASSERT_EQ(StartTls(", client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert"), "");
  for (const char* more : {", client_ca_file: none.crt, client_auth_type: RequestClientCert", ", frob: 1"}) {
    testing::internal::CaptureStderr();
    Write("web.yaml", Config(more));
    std::string log;
    Await([&] {
      EXPECT_TRUE(Ask(&client_).text.ends_with("OK\n"));
      log += testing::internal::GetCapturedStderr();
      testing::internal::CaptureStderr();
      return log.find("web configuration refused: the old one stays") != std::string::npos;
    });
    testing::internal::GetCapturedStderr();
    EXPECT_EQ(Ask().text, "") << "a certificate is wanted as before";
  }
  testing::internal::CaptureStderr();
  Write("web.yaml", "{}\n");
  std::string log;
  Await([&] {
    EXPECT_TRUE(Ask(&client_).text.ends_with("OK\n"));
    log += testing::internal::GetCapturedStderr();
    testing::internal::CaptureStderr();
    return log.find("switching TLS off needs a restart") != std::string::npos;
  });
  testing::internal::GetCapturedStderr();
}

TEST_F(TlsReloadTest, AnAllowedNameMayBeAUri) {
  const Identity workload("workload", &ca_, "URI:spiffe://cluster/prometheus");
  ASSERT_EQ(StartTls(", client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert, "
                     "client_allowed_sans: ['spiffe://cluster/prometheus']"),
            "");
  EXPECT_TRUE(Ask(&workload).text.ends_with("OK\n"));
  EXPECT_EQ(Ask(&client_).text, "");
}

}  // namespace
}  // namespace pgvigil::web
