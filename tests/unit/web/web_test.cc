#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/text.h"
#include "web/admission.h"
#include "web/landing.h"
#include "web/listen_address.h"
#include "web/metrics_handler.h"
#include "web/server.h"
#include "web/web_config.h"

namespace pgvigil::web {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// A key pair with a certificate signed by `issuer`, or by itself, for the name localhost.
struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  std::string subject;

  explicit Identity(const std::string& name, const Identity* issuer = nullptr) : subject(name) {
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const Identity& signer = issuer == nullptr ? *this : *issuer;
    X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate));
    Extend(issuer == nullptr ? NID_basic_constraints : NID_subject_alt_name,
           issuer == nullptr ? "critical,CA:TRUE" : ("DNS:" + name).c_str());
    X509_sign(certificate, signer.key, EVP_sha256());
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  void Extend(int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void WriteCertificate(const std::string& path) const {
    Replace(path, [&](FILE* file) { PEM_write_X509(file, certificate); });
  }
  void WriteKey(const std::string& path) const {
    Replace(path, [&](FILE* file) { PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
  }
  // As Kubernetes does: a new file under the old name.
  template <typename Write>
  static void Replace(const std::string& path, Write write) {
    FILE* file = std::fopen((path + ".new").c_str(), "w");
    write(file);
    std::fclose(file);
    fs::rename(path + ".new", path);
  }
};

int ConnectTo(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(connection);
    return -1;
  }
  return connection;
}

std::string Exchange(int port, const std::string& request) {
  const int connection = ConnectTo(port);
  if (connection < 0) return "";
  (void)!write(connection, request.data(), request.size());
  std::string answer;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(connection, buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(got));
  close(connection);
  return answer;
}

std::string Get(int port, const std::string& path, const std::string& headers = "", const std::string& method = "GET") {
  return Exchange(port,
                  method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n");
}

// What a TLS client saw: the subject of the server's certificate and the answer; empty if there was no session.
struct TlsAnswer {
  std::string subject;
  std::string text;
};

TlsAnswer TlsGet(int port, const Identity* client = nullptr, int max_version = 0) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_max_proto_version(context, max_version);
  if (client != nullptr) SSL_CTX_use_cert_and_key(context, client->certificate, client->key, nullptr, 1);
  SSL* ssl = SSL_new(context);
  const int connection = ConnectTo(port);
  SSL_set_fd(ssl, connection);
  TlsAnswer answer;
  if (SSL_connect(ssl) == 1) {
    X509* certificate = SSL_get1_peer_certificate(ssl);
    char name[128] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    answer.subject = name;
    X509_free(certificate);
    const std::string request = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    SSL_write(ssl, request.data(), static_cast<int>(request.size()));
    char buffer[4096];
    for (int got = 0; (got = SSL_read(ssl, buffer, sizeof buffer)) > 0;)
      answer.text.append(buffer, static_cast<std::size_t>(got));
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(connection);
  return answer;
}

class WebTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(directory_); }
  void TearDown() override {
    server_.reset();
    fs::remove_all(directory_);
  }

  std::string Write(const std::string& name, const std::string& text) const {
    Identity::Replace(directory_ + name, [&](FILE* file) { std::fputs(text.c_str(), file); });
    return directory_ + name;
  }

  std::string Start(const std::string& web_config = "", std::vector<Route> more = {}) {
    std::vector<Route> routes = {
        {"GET", "/metrics",
         [](const Request& request) {
           std::string text;
           for (const auto& [name, value] : request.parameters) text += name + "=" + value + ";";
           return Response::Text(200, "page " + text);
         }},
        {"GET", "/-/healthy", [](const Request&) { return Response::Text(200, "OK\n"); }, true},
        {"GET", "/throws", [](const Request&) -> Response { throw std::runtime_error("boom"); }}};
    for (auto& route : more) routes.push_back(std::move(route));
    Options options;
    options.listen = "127.0.0.1:0";
    if (!web_config.empty()) options.config_file = Write("web.yaml", web_config);
    auto started = Server::Start(options, std::move(routes));
    if (!started.ok()) return started.error().message;
    server_ = std::move(started).Take();
    return "";
  }

  const std::string directory_ = testing::TempDir() + "web_test_" + std::to_string(getpid()) + "/";
  std::unique_ptr<Server> server_;
};

TEST_F(WebTest, AnswersWhatItKnowsAndRefusesTheRestClearly) {
  ASSERT_EQ(Start(), "");
  const int port = server_->port();
  EXPECT_TRUE(Get(port, "/metrics?collect[]=a&collect%5B%5D=b+c").ends_with("page collect[]=a;collect[]=b c;"));
  EXPECT_TRUE(Get(port, "/nothing").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(Get(port, "/../etc/passwd").find("root:") == std::string::npos);
  const auto wrong_method = Get(port, "/metrics", "Content-Length: 0\r\n", "POST");
  EXPECT_TRUE(wrong_method.starts_with("HTTP/1.1 405"));
  EXPECT_NE(wrong_method.find("Allow: GET, HEAD"), std::string::npos);
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

TEST_F(WebTest, BasicAuthenticationGuardsEverythingButTheProbes) {
  // bcrypt of "secret", at the least cost there is.
  const std::string hash = "$2b$04$Rm4F3LT54EyA07W1mzOHYOkvygAzHVhwk/HQQDMkwNe/Eu/Ivh2Xe";
  ASSERT_EQ(
      Start("basic_auth_users: {prometheus: '" + hash + "'}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n"),
      "");
  const int port = server_->port();
  EXPECT_TRUE(Get(port, "/-/healthy").starts_with("HTTP/1.1 200"));
  const auto refused = Get(port, "/metrics");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401"));
  EXPECT_NE(refused.find("WWW-Authenticate: Basic"), std::string::npos);
  EXPECT_NE(refused.find("X-Frame-Options: deny"), std::string::npos);
  struct Case {
    const char* credentials;  // base64
    const char* status;
  };
  for (const auto& [credentials, status] : {Case{"cHJvbWV0aGV1czpzZWNyZXQ=", "HTTP/1.1 200"},  // prometheus:secret
                                            Case{"cHJvbWV0aGV1czpzZWNyZXQ=", "HTTP/1.1 200"},  // again, from memory
                                            Case{"cHJvbWV0aGV1czp3cm9uZw==", "HTTP/1.1 401"},  // prometheus:wrong
                                            Case{"bm9ib2R5OnNlY3JldA==", "HTTP/1.1 401"},      // nobody:secret
                                            Case{"!!!", "HTTP/1.1 401"}}) {
    EXPECT_TRUE(Get(port, "/metrics", std::string("Authorization: Basic ") + credentials + "\r\n").starts_with(status))
        << credentials;
  }
  EXPECT_TRUE(Get(port, "/nothing").starts_with("HTTP/1.1 401")) << "what exists is nobody's business";
}

constexpr const char* kTls = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n";

TEST_F(WebTest, SpeaksTlsFromVersionTwelveOn) {
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

TEST_F(WebTest, TakesUpARotatedCertificateAndNotHalfOfOne) {
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

TEST_F(WebTest, AsksForAClientsCertificateOfItsCaWhereThatIsWanted) {
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

TEST(AdmissionTest, GivesAPlaceBackWhenItsHolderGoes) {
  Admission admission(1);
  auto first = admission.Enter(0ms);
  ASSERT_TRUE(first);
  EXPECT_FALSE(admission.Enter(1ms));
  std::thread leaver([&] { first.reset(); });
  EXPECT_TRUE(admission.Enter(60s)) << "waits for it";
  leaver.join();
}

TEST(MetricsHandlerTest, LeavesTheGreaterOfHalfASecondAndATwentiethOfTheTime) {
  struct Case {
    const char* header;
    std::chrono::milliseconds span;
  };
  for (const auto& [header, span] :
       {Case{"", 9500ms}, Case{"3", 2500ms}, Case{"60", 9500ms}, Case{"0.6", 300ms}, Case{"nonsense", 9500ms}}) {
    Request request;
    if (*header != '\0') request.headers["x-prometheus-scrape-timeout-seconds"] = header;
    EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(ScrapeDeadline(request, 10s).Left(request.received)), span)
        << header;
  }
}

TEST(MetricsHandlerTest, CompressesForThoseWhoTakeIt) {
  for (const auto& [header, takes] : std::vector<std::pair<const char*, bool>>{{"gzip", true},
                                                                               {"deflate, gzip;q=0.5", true},
                                                                               {"gzip;q=0", false},
                                                                               {"gzip;q=0.0", false},
                                                                               {"identity", false},
                                                                               {"*", true},
                                                                               {"gzipped", false}}) {
    Request request;
    request.headers["accept-encoding"] = header;
    EXPECT_EQ(AcceptsGzip(request), takes) << header;
  }
}

TEST(LandingPageTest, SaysInWordsWhatIsWrongAndEscapesEverything) {
  observe::ClusterView view;
  view.state.name = {"", "<orders>"};
  view.state.instances.resize(1);
  view.state.instances[0].name = "a&b";
  view.state.instances[0].sql.error = base::Error{base::ErrorKind::kRefused, "Connection refused", "", ""};
  view.verdict.instances.resize(1);
  view.verdict.declared = 1;
  const auto page = LandingPage({std::make_shared<const observe::ClusterView>(view)}, "1.2.3", {});
  EXPECT_NE(page.find("&lt;orders&gt;"), std::string::npos);
  EXPECT_NE(page.find("does not answer: Connection refused"), std::string::npos);
  EXPECT_NE(page.find("Who is primary is not known"), std::string::npos);
  EXPECT_NE(page.find("/metrics?cluster=%3Corders%3E"), std::string::npos);
  EXPECT_EQ(page.find("<orders>"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace pgvigil::web
