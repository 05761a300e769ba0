// The repository encryption of pgBackRest, which is that of `openssl enc -aes-256-cbc -md sha1`: "Salted__", eight
// bytes of salt, and the cipher's blocks; key and vector by EVP_BytesToKey, one round of SHA-1. Source: pgBackRest's
// common/crypto/cipherBlock.c. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::archive {

inline constexpr std::uint64_t kSaltedHeader = 16;  // bytes
inline constexpr std::uint64_t kCipherBlock = 16;

bool IsSalted(std::string_view bytes);

// auth: the padding is wrong, which is what a wrong passphrase makes (but for one in 256). malformed: it is not salted,
// or not whole blocks.
base::Result<std::string> DecryptSalted(std::string_view bytes, std::string_view passphrase);

}  // namespace pgvigil::archive
