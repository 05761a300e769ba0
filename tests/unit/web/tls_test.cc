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

}  // namespace
}  // namespace pgvigil::web
