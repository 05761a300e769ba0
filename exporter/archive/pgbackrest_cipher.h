// The repository encryption of pgBackRest, which is that of `openssl enc -aes-256-cbc -md sha1`: "Salted__", eight
// bytes of salt, and the cipher's blocks; key and vector by EVP_BytesToKey, one round of SHA-1. Source: pgBackRest's
// common/crypto/cipherBlock.c. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::archive {

inline constexpr std::uint64_t kSaltedHeader = 16;  // bytes
inline constexpr std::uint64_t kCipherBlock = 16;

bool IsSalted(std::string_view bytes);

// Bytes as they come, to a sink. Not thread-safe. auth: the padding is wrong, which is what a wrong passphrase makes
// (but for one in 256). malformed: it is not salted, or not whole blocks.
class SaltedStream {
 public:
  using Sink = std::function<base::Status(std::string_view plain)>;  // an error of it ends the stream

  explicit SaltedStream(std::string passphrase);
  ~SaltedStream();
  SaltedStream(const SaltedStream&) = delete;
  SaltedStream& operator=(const SaltedStream&) = delete;

  base::Status Feed(std::string_view bytes, const Sink& sink);
  base::Status Finish(const Sink& sink);

 private:
  base::Status Begin();

  struct Context;
  const std::string passphrase_;
  std::unique_ptr<Context> context_;  // null before the salt is there
  std::string header_;
  std::string plain_;
  std::uint64_t taken_ = 0;  // behind the header
};

// All of it at once.
base::Result<std::string> DecryptSalted(std::string_view bytes, std::string_view passphrase);

}  // namespace pgvigil::archive
