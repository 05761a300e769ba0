// Makes the distributions' civetweb work with OpenSSL 3. It opens "libssl.so" and "libcrypto.so" by names that only the
// development packages install, and looks up SSL_get_peer_certificate, which OpenSSL 3 does not export: the first would
// keep it from starting, the second ends the process on the first connection. The executable is linked with both
// libraries, so both names are answered with its own symbols, and the missing function is forwarded to its successor.
// The link exports both functions (web/module.cmake); every other dlopen is passed on.
#include <dlfcn.h>
#include <openssl/ssl.h>

#include <string_view>

#undef SSL_get_peer_certificate
extern "C" __attribute__((visibility("default"))) X509* SSL_get_peer_certificate(const SSL* ssl) {
  return SSL_get1_peer_certificate(ssl);
}

extern "C" __attribute__((visibility("default"))) void* dlopen(const char* name, int flags) noexcept {
  using Function = void* (*)(const char*, int);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "dlopen"));
  const bool ours =
      name != nullptr && (std::string_view(name) == "libssl.so" || std::string_view(name) == "libcrypto.so");
  return real(ours ? nullptr : name, flags);
}
