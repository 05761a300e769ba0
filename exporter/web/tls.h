// Our side of TLS for civetweb: the context, whose every handshake takes the options and certificates of that moment.
// Source: OpenSSL manual, SSL_CTX_set_client_hello_cb(3).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "web/web_config.h"

namespace pgvigil::web {

// The newest options; asked at every handshake, on its worker.
using TlsOptionsSource = std::function<std::shared_ptr<const TlsOptions>()>;

// Thread-safe. Outlives the server that uses its context.
class Tls {
 public:
  // Reads the files now; whatever is wrong with them is an error.
  static base::Result<std::unique_ptr<Tls>> Load(TlsOptionsSource source);
  // Whether these options could be used now.
  static base::Status Check(const TlsOptions& options);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // An SSL_CTX. Each handshake uses the newest options and files; a pair that does not fit together (half of it
  // replaced) is logged and the old one goes on.
  void* context() const;

 private:
  struct Impl;
  explicit Tls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// When the handshake of this worker's connection began, for its first request; `now` for the others.
base::SteadyTime TakeHandshakeBegin(base::SteadyTime now);

}  // namespace pgvigil::web
