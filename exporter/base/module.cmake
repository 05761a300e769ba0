pgvigil_module(base
  SOURCES backoff.cc clock.cc diagnostics.cc file.cc logging.cc result.cc text.cc timestamps.cc
  LIBRARIES spdlog::spdlog Threads::Threads OpenSSL::Crypto
)
