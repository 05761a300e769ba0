#include "archive/pgbackrest_cipher.h"

#include <openssl/evp.h>

#include <array>
#include <utility>

namespace pgvigil::archive {
namespace {

constexpr std::string_view kMagic = "Salted__";
constexpr std::size_t kPiece = 1 << 20;  // the library counts in int

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

base::Error NotSalted() {
  return {base::ErrorKind::kMalformed, "expected a file that is encrypted with aes-256-cbc", {}, {}};
}
base::Error Refused() { return {base::ErrorKind::kAuth, "cannot be decrypted with this passphrase", {}, {}}; }

}  // namespace

bool IsSalted(std::string_view bytes) { return bytes.starts_with(kMagic); }

struct SaltedStream::Context {
  std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> cipher{EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};
};

SaltedStream::SaltedStream(std::string passphrase) : passphrase_(std::move(passphrase)) {}
SaltedStream::~SaltedStream() = default;

base::Status SaltedStream::Begin() {
  if (!IsSalted(header_)) return NotSalted();
  const auto* cipher = EVP_aes_256_cbc();
  std::array<unsigned char, EVP_MAX_KEY_LENGTH> key{};
  std::array<unsigned char, EVP_MAX_IV_LENGTH> vector{};
  EVP_BytesToKey(cipher, EVP_sha1(), Bytes(header_) + kMagic.size(), Bytes(passphrase_),
                 static_cast<int>(passphrase_.size()), 1, key.data(), vector.data());
  context_ = std::make_unique<Context>();
  if (EVP_DecryptInit_ex(context_->cipher.get(), cipher, nullptr, key.data(), vector.data()) != 1) return Refused();
  return base::Done{};
}

base::Status SaltedStream::Feed(std::string_view bytes, const Sink& sink) {
  if (!context_) {
    const auto some = bytes.substr(0, kSaltedHeader - header_.size());
    header_.append(some);
    bytes.remove_prefix(some.size());
    if (header_.size() < kSaltedHeader) return base::Done{};
    if (const auto begun = Begin(); !begun.ok()) return begun;
  }
  taken_ += bytes.size();
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, kPiece);
    bytes.remove_prefix(piece.size());
    plain_.resize(piece.size() + kCipherBlock);
    int count = 0;
    if (EVP_DecryptUpdate(context_->cipher.get(), reinterpret_cast<unsigned char*>(plain_.data()), &count, Bytes(piece),
                          static_cast<int>(piece.size())) != 1)
      return Refused();
    if (const auto taken = sink(std::string_view(plain_).substr(0, static_cast<std::size_t>(count))); !taken.ok())
      return taken;
  }
  return base::Done{};
}

base::Status SaltedStream::Finish(const Sink& sink) {
  if (!context_ || taken_ == 0 || taken_ % kCipherBlock != 0) return NotSalted();
  plain_.resize(kCipherBlock);
  int count = 0;
  if (EVP_DecryptFinal_ex(context_->cipher.get(), reinterpret_cast<unsigned char*>(plain_.data()), &count) != 1)
    return Refused();
  return sink(std::string_view(plain_).substr(0, static_cast<std::size_t>(count)));
}

base::Result<std::string> DecryptSalted(std::string_view bytes, std::string_view passphrase) {
  SaltedStream stream{std::string(passphrase)};
  std::string plain;
  plain.reserve(bytes.size());
  const auto take = [&](std::string_view some) {
    plain.append(some);
    return base::Status(base::Done{});
  };
  if (const auto fed = stream.Feed(bytes, take); !fed.ok()) return fed.error();
  if (const auto ended = stream.Finish(take); !ended.ok()) return ended.error();
  return plain;
}

}  // namespace pgvigil::archive
