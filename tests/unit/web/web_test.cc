#include <future>
#include <thread>

#include "web/listen_address.h"
#include "web/web_config.h"
#include "web_fixture.h"

namespace pgvigil::web {
namespace {

TEST_F(WebTest, AnswersWhatItKnowsAndRefusesTheRestClearly) {
  ASSERT_EQ(Start(), "");
  const int port = server_->port();
  EXPECT_TRUE(Get(port, "/metrics?collect[]=a&collect%5B%5D=b+c").ends_with("page collect[]=a;collect[]=b c;"));
  EXPECT_TRUE(Get(port, "/nothing").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(Get(port, "/../etc/passwd").find("root:") == std::string::npos);
  const auto wrong_method = Get(port, "/metrics", "Content-Length: 0\r\n", "POST");
  EXPECT_TRUE(wrong_method.starts_with("HTTP/1.1 405"));
  EXPECT_NE(wrong_method.find("Allow: GET, HEAD"), std::string::npos);
  const auto answer = Get(port, "/metrics");
  for (const char* header : {"Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n",
                             "Content-Type: text/plain; charset=utf-8\r\n", "Content-Length: 5\r\n", "Date: "})
    EXPECT_NE(answer.find(header), std::string::npos) << header;
  const auto head = Get(port, "/metrics", "", "HEAD");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200"));
  EXPECT_NE(head.find("Content-Length: 5"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << "no body";
  EXPECT_TRUE(Get(port, "/throws").starts_with("HTTP/1.1 500")) << "and the process lives";
  EXPECT_TRUE(Get(port, "/-/healthy").starts_with("HTTP/1.1 200"));
}

TEST_F(WebTest, AnswersWhatIsInFlightBeforeItStops) {
  std::promise<void> entered, leave;
  auto left = leave.get_future().share();
  ASSERT_EQ(Start("", {{"GET", "/slow",
                        [&entered, left](const Request&) {
                          entered.set_value();
                          left.wait();
                          return Response::Text(200, "answered");
                        }}}),
            "");
  auto answer = std::async(std::launch::async, [port = server_->port()] { return Get(port, "/slow"); });
  entered.get_future().get();
  std::thread stopper([this] { server_->Stop(60s); });
  leave.set_value();
  stopper.join();
  EXPECT_TRUE(answer.get().ends_with("answered"));
}

TEST_F(WebTest, AnAddressThatIsTakenOrNoneIsSaid) {
  ASSERT_EQ(Start(), "");
  Options options;
  options.listen = "127.0.0.1:" + std::to_string(server_->port());
  const auto second = Server::Start(options, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().subject, options.listen);
  EXPECT_EQ(second.error().message, "cannot listen there: Address already in use");
  EXPECT_EQ(WhyNotListening("192.0.2.1:1234"), "Cannot assign requested address");
  EXPECT_EQ(WhyNotListening("127.0.0.1:0"), "");
  for (const char* listen : {"9187", ":x", "db1:9187", "[::g]:1", ":99999"}) {
    EXPECT_FALSE(ListeningPorts(listen, false, true).ok()) << listen;
  }
  EXPECT_EQ(*ListeningPorts(":9187", true, true), "+9187s");
  EXPECT_EQ(*ListeningPorts(":9187", false, false), "9187");
  EXPECT_EQ(*ListeningPorts("[::1]:9187", false, true), "[::1]:9187");
  EXPECT_EQ(ListeningPorts("[::1]:9187", false, false).error().kind, base::ErrorKind::kUnsupported);
}

TEST_F(WebTest, AWebConfigurationThatIsWrongIsRefusedWithItsPlace) {
  const Identity ca("ca");
  ca.WriteCertificate(directory_ + "tls.crt");
  ca.WriteKey(directory_ + "tls.key");
  const std::string tls = "tls_server_config: {cert_file: tls.crt, key_file: tls.key, ";
  const std::string verified = "client_ca_file: tls.crt, client_auth_type: RequireAndVerifyClientCert, ";
  struct Case {
    std::string text, part;
  };
  for (const auto& [text, part] : {
           Case{"tls_server_config: {cert_file: tls.crt}", "1:20: tls_server_config.key_file: missing"},
           Case{"tls_server_config: {cert_file: none.crt, key_file: none.key}",
                "1:32: tls_server_config.cert_file: cannot read " + directory_ + "none.crt: No such file"},
           Case{"tls_server_config: {cert_file: tls.crt, key_file: none.key}", "tls_server_config.key_file: cannot"},
           Case{tls + "client_ca_file: none.crt, client_auth_type: RequireAnyClientCert}",
                "tls_server_config.client_ca_file: cannot read"},
           Case{tls + "min_version: TLS10}", "tls_server_config.min_version: expected one of TLS12, TLS13"},
           Case{tls + "min_version: TLS13, max_version: TLS12}", "tls_server_config.min_version: is above max_version"},
           Case{tls + "client_auth_type: RequireAndVerifyClientCert}", "needs a client_ca_file"},
           Case{tls + "client_ca_file: tls.crt}", "would do nothing without a client_auth_type"},
           Case{tls + verified + "client_allowed_sans: prometheus}",
                "tls_server_config.client_allowed_sans: expected a list of text"},
           Case{tls + verified + "client_allowed_sans: []}", "found an empty list"},
           Case{tls + verified + "client_allowed_sans: }", "found nothing"},
           Case{tls + "client_allowed_sans: [prometheus]}", "proves nothing of a certificate that is not verified"},
           Case{tls + "cipher_suites: [NULL]}", "tls_server_config.cipher_suites[0]: expected one of"},
           Case{tls + "cipher_suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}",
                "tls_server_config.cipher_suites: expected a list of text"},
           Case{tls + "prefer_server_cipher_suites: maybe}", "expected true or false, found \"maybe\""},
           Case{tls + "key: x}", "tls_server_config.key: a value in the file is not supported"},
           Case{"tls_server_config: [x]", "1:20: tls_server_config: expected a map, found a list"},
           Case{"tls_server_config:", "tls_server_config: expected a map, found nothing"},
           Case{"basic_auth_users: {a: secret}", "1:23: basic_auth_users.a: expected a bcrypt hash"},
           Case{"basic_auth_users: [{a: secret}]", "1:19: basic_auth_users: expected a map to text"},
           Case{"basic_auth_users: secret", "1:19: basic_auth_users: expected a map to text"},
           Case{"basic_auth_users: {a: [secret]}", "basic_auth_users.a: expected text, found a list"},
           Case{"basic_auth_users: {}",
                "basic_auth_users: expected a map to text with at least one, found an empty map"},
           Case{"basic_auth_users:", "basic_auth_users: expected a map to text with at least one, found nothing"},
           Case{"http_server_config: [x]", "http_server_config: expected a map, found a list"},
           Case{"http_server_config: {http2: perhaps}", "http_server_config.http2: expected true or false"},
           Case{"http_server_config: {headers: [a]}", "http_server_config.headers: expected a map to text"},
           Case{"http_server_config: {headers: {Server: x}}", "http_server_config.headers.Server: unknown key"},
           Case{"http_server_config: {headers: {X-Frame-Options: \"a\\r\\nb\"}}", "expected one line"},
           Case{"frob: 1", "1:1: frob: unknown key; there are: tls_server_config, http_server_config, basic"},
           Case{"rate_limit: {burst: 1}", "is not supported"},
           Case{"[1]", "1:1: expected a map, found a list"},
           Case{"http_server_config: {}\nhttp_server_config: {}", "2:1: http_server_config: duplicate key"},
       }) {
    const auto problem = Start(text);
    EXPECT_NE(problem.find(part), std::string::npos) << text << ": " << problem;
    EXPECT_EQ(problem.find("secret"), std::string::npos) << text;
  }
  Write("tls.crt", "nonsense");
  EXPECT_NE(Start(kTls).find("expected a certificate in PEM form"), std::string::npos);
}

TEST_F(WebTest, AllThatIsWrongInAWebConfigurationIsSaidAtOnce) {
  const auto problem = Start("frob: 1\nfrob: 2\nbasic_auth_users: [a]\ntls_server_config: {http2: no}\n");
  for (const char* part : {"2:1: frob: duplicate key", "1:1: frob: unknown key", "3:19: basic_auth_users: expected",
                           "4:21: tls_server_config.http2: unknown key", "4:20: tls_server_config.cert_file: missing"})
    EXPECT_NE(problem.find(part), std::string::npos) << part << "\nin\n" << problem;
}

}  // namespace
}  // namespace pgvigil::web
