// A server on loopback, clients of real sockets, and certificates made on the spot.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "web/server.h"

namespace pgvigil::web {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// A key pair with a certificate signed by `issuer`, or by itself, for the name localhost.
struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  std::string subject;

  explicit Identity(const std::string& name, const Identity* issuer = nullptr, const std::string& alternative = "")
      : subject(name) {
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
           issuer == nullptr ? "critical,CA:TRUE" : (alternative.empty() ? "DNS:" + name : alternative).c_str());
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

inline int ConnectTo(int port) {
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

inline std::string Exchange(int port, const std::string& request) {
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

inline std::string Get(int port, const std::string& path, const std::string& headers = "",
                       const std::string& method = "GET") {
  return Exchange(port,
                  method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n");
}

// What a TLS client saw: the subject of the server's certificate and the answer; empty if there was no session.
struct TlsAnswer {
  std::string subject;
  std::string text;
  std::string suite;
};

inline TlsAnswer TlsGet(int port, const Identity* client = nullptr, int max_version = 0) {
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
    answer.suite = SSL_get_cipher_name(ssl);
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

constexpr const char* kTls = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n";

}  // namespace pgvigil::web
