#include "web/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "base/logging.h"
#include "web/arrival.h"
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

std::array<FileStamp, 3> StampsOf(const TlsOptions& options) {
  return {FileStamp::Of(options.cert_file), FileStamp::Of(options.key_file), FileStamp::Of(options.client_ca_file)};
}

// What a handshake needs. Immutable once loaded.
struct Material {
  std::shared_ptr<const TlsOptions> options;
  std::array<FileStamp, 3> stamps;  // taken before the files were read
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

base::Result<MaterialPtr> LoadMaterial(const std::shared_ptr<const TlsOptions>& source) {
  const TlsOptions& options = *source;
  auto material = std::make_shared<Material>();
  material->options = source;
  material->stamps = StampsOf(options);
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

// X509_check_* knows no URIs, which is what SPIFFE names its workloads with.
bool HasUri(const X509* certificate, const std::string& uri) {
  using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    if (std::string_view(bytes, static_cast<std::size_t>(ASN1_STRING_length(text))) == uri) return true;
  }
  return false;
}

// Whether the certificate bears one of the names, exactly.
bool HasAllowedName(X509* certificate, const std::vector<std::string>& allowed) {
  for (const auto& name : allowed) {
    if (X509_check_host(certificate, name.c_str(), name.size(),
                        X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1 ||
        X509_check_email(certificate, name.c_str(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 1 ||
        X509_check_ip_asc(certificate, name.c_str(), 0) == 1 || HasUri(certificate, name)) {
      return true;
    }
  }
  return false;
}

// Everything of the options that a session can be given, as its ClientHello is read: before version, suite and
// certificate are chosen. What OpenSSL refuses is an error.
base::Status Apply(const Material& material, SSL* ssl) {
  const TlsOptions& options = *material.options;
  const auto refused = [](const std::string& what) {
    return base::Error{base::ErrorKind::kUnsupported, what + ": " + OpensslError(), {}, {}};
  };
  ERR_clear_error();
  if (SSL_set_min_proto_version(ssl, options.min_version != 0 ? options.min_version : TLS1_2_VERSION) != 1 ||
      SSL_set_max_proto_version(ssl, options.max_version) != 1)
    return refused("min_version, max_version");
  if (!options.cipher_list.empty() && SSL_set_cipher_list(ssl, options.cipher_list.c_str()) != 1)
    return refused("cipher_suites");
  if (!options.curves.empty() && SSL_set1_groups_list(ssl, options.curves.c_str()) != 1)
    return refused("curve_preferences");
  if (options.prefer_server_ciphers) SSL_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_set_verify(ssl, VerifyMode(options.client_auth), nullptr);
  if (SSL_use_cert_and_key(ssl, material.leaf.get(), material.key.get(), material.chain.get(), 1) != 1)
    return refused("cert_file, key_file");
  if (material.client_ca) {
    SSL_set1_verify_cert_store(ssl, material.client_ca.get());
    SSL_set_client_CA_list(ssl, SSL_dup_CA_list(material.client_ca_names.get()));  // takes it over
  }
  return base::Done{};
}

// A session keeps what it began with until its client's certificate is verified: a MaterialPtr of its own.
void FreeMaterial(void*, void* material, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<MaterialPtr*>(material);
}
int MaterialIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &FreeMaterial);
  return index;
}
void Keep(SSL* ssl, const MaterialPtr& material) {
  auto* kept = static_cast<MaterialPtr*>(SSL_get_ex_data(ssl, MaterialIndex()));
  if (kept != nullptr) {  // a second ClientHello, after a HelloRetryRequest
    *kept = material;
    return;
  }
  auto own = std::make_unique<MaterialPtr>(material);
  if (SSL_set_ex_data(ssl, MaterialIndex(), own.get()) == 1) (void)own.release();
}

thread_local std::optional<base::SteadyTime> handshake_begin;

}  // namespace

struct Tls::Impl {
  TlsOptionsSource source;
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context{SSL_CTX_new(TLS_server_method())};
  std::mutex mutex;  // of the four below
  MaterialPtr material;
  std::shared_ptr<const TlsOptions> tried;
  std::array<FileStamp, 3> refused;
  base::SteadyTime looked{};

  void Setup() {
    auto* ctx = context.get();
    // Every connection is a full handshake: a rotated certificate and a withdrawn client CA hold at once.
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_client_hello_cb(ctx, &Impl::OnHello, this);
    SSL_CTX_set_cert_verify_callback(ctx, &Impl::OnVerify, nullptr);
  }

  base::Result<MaterialPtr> LoadWhole(const std::shared_ptr<const TlsOptions>& options) const {
    auto loaded = LoadMaterial(options);
    if (!loaded.ok()) return loaded;
    const std::unique_ptr<SSL, Freed<SSL_free>> trial(SSL_new(context.get()));
    if (const auto usable = Apply(**loaded, trial.get()); !usable.ok()) return usable.error();
    return loaded;
  }

  // The newest material that is whole.
  MaterialPtr Current() {
    const auto options = source();
    const std::lock_guard lock(mutex);
    const bool same = options == material->options;
    const auto now = base::SystemClock().Steady();
    if (options == tried && now - looked < kLookEvery) return material;
    looked = now;
    tried = options;
    const auto found = StampsOf(*options);
    if (same && found == material->stamps) return material;
    auto loaded = LoadWhole(options);
    if (loaded.ok()) {
      material = *loaded;
      base::Log(base::LogLevel::kInfo, same ? "certificate reloaded" : "TLS settings taken up",
                {{"file", options->cert_file}});
    } else if (found != refused) {
      refused = found;  // said once; tried again as long as the files differ from the ones in use
      base::Log(base::LogLevel::kError, "certificate refused: the old one stays", loaded.error());
    }
    return material;
  }

  // On a worker, within the handshake; an exception must not reach OpenSSL.
  static int OnHello(SSL* ssl, int* alert, void* self) noexcept {
    *alert = SSL_AD_INTERNAL_ERROR;
    try {
      handshake_begin = ArrivedAt(SSL_get_fd(ssl), base::SystemClock().Steady());
      const auto current = static_cast<Impl*>(self)->Current();
      Keep(ssl, current);
      return Apply(*current, ssl).ok() ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    } catch (...) {
      return SSL_CLIENT_HELLO_ERROR;
    }
  }

  static int OnVerify(X509_STORE_CTX* store, void*) noexcept {
    try {
      const auto* ssl =
          static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
      const auto* material = static_cast<const MaterialPtr*>(SSL_get_ex_data(ssl, MaterialIndex()));
      return material != nullptr && Verifies(*(*material)->options, store) ? 1 : 0;
    } catch (...) {
      return 0;
    }
  }

  static bool Verifies(const TlsOptions& options, X509_STORE_CTX* store) {
    const bool verifies =
        options.client_auth == ClientAuth::kVerifyIfGiven || options.client_auth == ClientAuth::kRequireAndVerify;
    if (verifies && X509_verify_cert(store) != 1) return false;
    if (options.client_allowed_sans.empty() ||
        HasAllowedName(X509_STORE_CTX_get0_cert(store), options.client_allowed_sans))
      return true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return false;
  }
};

base::Result<std::unique_ptr<Tls>> Tls::Load(TlsOptionsSource source) {
  auto impl = std::make_unique<Impl>();
  impl->source = std::move(source);
  impl->Setup();
  auto material = impl->LoadWhole(impl->source());
  if (!material.ok()) return material.error();
  impl->material = *material;
  return std::unique_ptr<Tls>(new Tls(std::move(impl)));
}

base::Status Tls::Check(const TlsOptions& options) {
  const auto loaded = Load([own = std::make_shared<const TlsOptions>(options)] { return own; });
  if (!loaded.ok()) return loaded.error();
  return base::Done{};
}

Tls::Tls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tls::~Tls() = default;
void* Tls::context() const { return impl_->context.get(); }

base::SteadyTime TakeHandshakeBegin(base::SteadyTime now) {
  return std::exchange(handshake_begin, std::nullopt).value_or(now);
}

}  // namespace pgvigil::web
