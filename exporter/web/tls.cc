#include "web/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <mutex>

#include "base/logging.h"
#include "web/file_stamp.h"

namespace pgvigil::web {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

template <auto Function>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};
void FreeChain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
void FreeNames(STACK_OF(X509_NAME) * names) { sk_X509_NAME_pop_free(names, X509_NAME_free); }

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;

std::string OpensslError() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    std::array<char, 256> one{};
    ERR_error_string_n(code, one.data(), one.size());
    if (text.empty()) text = one.data();  // the first is the cause
  }
  return text.empty() ? "unknown reason" : text;
}

// What a handshake needs. Immutable once loaded.
struct Material {
  std::unique_ptr<X509, Freed<X509_free>> leaf;
  std::unique_ptr<STACK_OF(X509), Freed<FreeChain>> chain{sk_X509_new_null()};
  std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key;
  std::unique_ptr<X509_STORE, Freed<X509_STORE_free>> client_ca;
  std::unique_ptr<STACK_OF(X509_NAME), Freed<FreeNames>> client_ca_names;
};
using MaterialPtr = std::shared_ptr<const Material>;

base::Error Unreadable(const std::string& what, const std::string& file) {
  return {base::ErrorKind::kMalformed, what + ": " + OpensslError(), file, {}};
}

base::Result<MaterialPtr> LoadMaterial(const TlsOptions& options) {
  auto material = std::make_shared<Material>();
  const BioPtr certificates(BIO_new_file(options.cert_file.c_str(), "r"));
  if (certificates) material->leaf.reset(PEM_read_bio_X509_AUX(certificates.get(), nullptr, nullptr, nullptr));
  if (!material->leaf) return Unreadable("expected a certificate in PEM form", options.cert_file);
  while (X509* issuer = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr))
    sk_X509_push(material->chain.get(), issuer);
  ERR_clear_error();  // the end of the file is an error to OpenSSL
  const BioPtr key(BIO_new_file(options.key_file.c_str(), "r"));
  const auto no_pass_phrase = [](char*, int, int, void*) { return -1; };  // otherwise OpenSSL asks the terminal
  if (key) material->key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_pass_phrase, nullptr));
  if (!material->key) return Unreadable("expected a private key in PEM form without a pass phrase", options.key_file);
  if (X509_check_private_key(material->leaf.get(), material->key.get()) != 1) {
    return Unreadable("the key does not belong to the certificate in " + options.cert_file, options.key_file);
  }
  if (!options.client_ca_file.empty()) {
    material->client_ca.reset(X509_STORE_new());
    material->client_ca_names.reset(SSL_load_client_CA_file(options.client_ca_file.c_str()));
    if (X509_STORE_load_file(material->client_ca.get(), options.client_ca_file.c_str()) != 1 ||
        !material->client_ca_names) {
      return Unreadable("expected CA certificates in PEM form", options.client_ca_file);
    }
  }
  return MaterialPtr(std::move(material));
}

int VerifyMode(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::kNone: return SSL_VERIFY_NONE;
    case ClientAuth::kRequest:
    case ClientAuth::kVerifyIfGiven: return SSL_VERIFY_PEER;
    case ClientAuth::kRequireAny:
    case ClientAuth::kRequireAndVerify: break;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// Whether the certificate bears one of the names, exactly.
bool HasAllowedName(X509* certificate, const std::vector<std::string>& allowed) {
  for (const auto& name : allowed) {
    if (X509_check_host(certificate, name.c_str(), name.size(),
                        X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1 ||
        X509_check_email(certificate, name.c_str(), name.size(), 0) == 1 ||
        X509_check_ip_asc(certificate, name.c_str(), 0) == 1) {
      return true;
    }
  }
  return false;
}

}  // namespace

struct Tls::Impl {
  TlsOptions options;
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context{SSL_CTX_new(TLS_server_method())};
  std::mutex mutex;  // of the four below
  MaterialPtr material;
  std::array<FileStamp, 3> stamps;
  base::SteadyTime looked{};

  std::array<FileStamp, 3> Stamps() const {
    return {FileStamp::Of(options.cert_file), FileStamp::Of(options.key_file), FileStamp::Of(options.client_ca_file)};
  }

  base::Status Setup() {
    auto* ctx = context.get();
    SSL_CTX_set_min_proto_version(ctx, options.min_version != 0 ? options.min_version : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx, options.max_version);
    // Every connection is a full handshake: a rotated certificate and a withdrawn client CA hold at once.
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    if (options.prefer_server_ciphers) SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (!options.cipher_list.empty() && SSL_CTX_set_cipher_list(ctx, options.cipher_list.c_str()) != 1) {
      return base::Error{base::ErrorKind::kUnsupported, "cipher_suites: " + OpensslError(), {}, {}};
    }
    if (!options.curves.empty() && SSL_CTX_set1_groups_list(ctx, options.curves.c_str()) != 1) {
      return base::Error{base::ErrorKind::kUnsupported, "curve_preferences: " + OpensslError(), {}, {}};
    }
    SSL_CTX_set_verify(ctx, VerifyMode(options.client_auth), nullptr);
    SSL_CTX_set_cert_verify_callback(ctx, &Impl::OnVerify, this);
    SSL_CTX_set_cert_cb(ctx, &Impl::OnHandshake, this);
    return base::Done{};
  }

  // The newest material that is whole.
  MaterialPtr Current() {
    const std::lock_guard lock(mutex);
    const auto now = base::SystemClock().Steady();
    if (now - looked < kLookEvery) return material;
    looked = now;
    const auto found = Stamps();
    if (found == stamps) return material;
    auto loaded = LoadMaterial(options);
    if (loaded.ok()) {
      stamps = found;
      material = *loaded;
      base::Log(base::LogLevel::kInfo, "certificate reloaded", {{"file", options.cert_file}});
    } else if (found != refused) {
      refused = found;  // said once; tried again as long as the files differ from the ones in use
      base::Log(base::LogLevel::kError, "certificate refused: the old one stays", loaded.error());
    }
    return material;
  }
  std::array<FileStamp, 3> refused;

  // On a worker, within the handshake. 1 goes on, 0 ends it.
  static int OnHandshake(SSL* ssl, void* self) {
    const auto current = static_cast<Impl*>(self)->Current();
    if (SSL_use_cert_and_key(ssl, current->leaf.get(), current->key.get(), current->chain.get(), 1) != 1) return 0;
    if (current->client_ca) {
      SSL_set1_verify_cert_store(ssl, current->client_ca.get());
      SSL_set_client_CA_list(ssl, SSL_dup_CA_list(current->client_ca_names.get()));  // takes it over
    }
    return 1;
  }

  static int OnVerify(X509_STORE_CTX* store, void* self) {
    const auto& options = static_cast<Impl*>(self)->options;
    const bool verifies =
        options.client_auth == ClientAuth::kVerifyIfGiven || options.client_auth == ClientAuth::kRequireAndVerify;
    if (verifies && X509_verify_cert(store) != 1) return 0;
    if (options.client_allowed_sans.empty() ||
        HasAllowedName(X509_STORE_CTX_get0_cert(store), options.client_allowed_sans))
      return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
  }
};

base::Result<std::unique_ptr<Tls>> Tls::Load(const TlsOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->stamps = impl->Stamps();
  auto material = LoadMaterial(options);
  if (!material.ok()) return material.error();
  impl->material = *material;
  if (const auto ready = impl->Setup(); !ready.ok()) return ready.error();
  return std::unique_ptr<Tls>(new Tls(std::move(impl)));
}

Tls::Tls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tls::~Tls() = default;
void* Tls::context() const { return impl_->context.get(); }

}  // namespace pgvigil::web
