#include "archive/checksum.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "wal/crc32c.h"

namespace pgvigil::archive {
namespace {

std::string HexOf(const unsigned char* bytes, std::size_t count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < count; ++i) hex.append({kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]});
  return hex;
}

class Crc : public Checksum {
 public:
  void Update(std::string_view bytes) override { sum_ = wal::Crc32c(bytes, sum_); }
  std::string Hex() override {
    std::array<unsigned char, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(sum_ >> (8 * i));
    return HexOf(bytes.data(), bytes.size());
  }

 private:
  std::uint32_t sum_ = 0;
};

class Digest : public Checksum {
 public:
  explicit Digest(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), kind, nullptr);
  }
  void Update(std::string_view bytes) override { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string Hex() override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &length);
    return HexOf(bytes.data(), length);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::unique_ptr<Checksum> MakeChecksum(std::string_view algorithm) {
  if (algorithm == "CRC32C") return std::make_unique<Crc>();
  if (algorithm == "SHA1") return std::make_unique<Digest>(EVP_sha1());
  if (algorithm == "SHA224") return std::make_unique<Digest>(EVP_sha224());
  if (algorithm == "SHA256") return std::make_unique<Digest>(EVP_sha256());
  if (algorithm == "SHA384") return std::make_unique<Digest>(EVP_sha384());
  if (algorithm == "SHA512") return std::make_unique<Digest>(EVP_sha512());
  return nullptr;
}

}  // namespace pgvigil::archive
