// Our side of TLS for civetweb: the context, and certificates that are taken up again when their files change.
// Source: OpenSSL manual, SSL_CTX_set_cert_cb(3).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "web/web_config.h"

namespace pgvigil::web {

// Thread-safe. Outlives the server that uses its context.
class Tls {
 public:
  // Reads the files now; whatever is wrong with them is an error.
  static base::Result<std::unique_ptr<Tls>> Load(const TlsOptions& options);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // An SSL_CTX. Each handshake uses the newest files; a pair that does not fit together (half of it replaced) is logged
  // and the old one goes on.
  void* context() const;

 private:
  struct Impl;
  explicit Tls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::web
