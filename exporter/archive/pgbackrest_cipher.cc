#include "archive/pgbackrest_cipher.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

namespace pgvigil::archive {
namespace {

constexpr std::string_view kMagic = "Salted__";
constexpr std::size_t kPiece = 1 << 20;  // the library counts in int

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

bool IsSalted(std::string_view bytes) { return bytes.starts_with(kMagic); }

base::Result<std::string> DecryptSalted(std::string_view bytes, std::string_view passphrase) {
  if (!IsSalted(bytes) || bytes.size() < kSaltedHeader + kCipherBlock || bytes.size() % kCipherBlock != 0)
    return base::Error{base::ErrorKind::kMalformed, "expected a file that is encrypted with aes-256-cbc", {}, {}};
  const auto* cipher = EVP_aes_256_cbc();
  std::array<unsigned char, EVP_MAX_KEY_LENGTH> key{};
  std::array<unsigned char, EVP_MAX_IV_LENGTH> vector{};
  EVP_BytesToKey(cipher, EVP_sha1(), Bytes(bytes.substr(kMagic.size())), Bytes(passphrase),
                 static_cast<int>(passphrase.size()), 1, key.data(), vector.data());
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  bytes.remove_prefix(kSaltedHeader);
  std::string plain(bytes.size() + kCipherBlock, '\0');
  std::size_t written = 0;
  const auto out = [&] { return reinterpret_cast<unsigned char*>(plain.data() + written); };
  bool good = context && EVP_DecryptInit_ex(context.get(), cipher, nullptr, key.data(), vector.data()) == 1;
  int count = 0;
  while (good && !bytes.empty()) {
    const auto piece = bytes.substr(0, kPiece);
    bytes.remove_prefix(piece.size());
    good = EVP_DecryptUpdate(context.get(), out(), &count, Bytes(piece), static_cast<int>(piece.size())) == 1;
    written += static_cast<std::size_t>(count);
  }
  if (!good || EVP_DecryptFinal_ex(context.get(), out(), &count) != 1)
    return base::Error{base::ErrorKind::kAuth, "cannot be decrypted with this passphrase", {}, {}};
  plain.resize(written + static_cast<std::size_t>(count));
  return plain;
}

}  // namespace pgvigil::archive
