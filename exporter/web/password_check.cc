#include "web/password_check.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

namespace pgvigil::web {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr std::size_t kWrongOnes = 256;
constexpr std::size_t kRightOnes = 1024;  // of users or passwords that changed: never reached in practice

// "$2y$10$" and a salt: the hash itself is of no password anybody knows.
std::string HashOfNobody(const std::map<std::string, std::string>& users) {
  constexpr std::size_t kCost = 4, kPrefix = 7;
  std::string costliest = "$2y$10$";
  for (const auto& [name, hash] : users) {
    if (&hash == &users.begin()->second || hash.substr(kCost, 2) > costliest.substr(kCost, 2))
      costliest = hash.substr(0, kPrefix);
  }
  return costliest + "abcdefghijklmnopqrstuuQXnN2yWnbEXeiPWNlW6Mwn7jVIBiBLa";
}

bool Equal(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool MatchesHash(const std::string& password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();
  const char* computed = crypt_r(password.c_str(), hash.c_str(), work.get());
  return computed != nullptr && Equal(computed, hash);
}

std::string RandomKey() {
  std::string key(32, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size()));
  return key;
}

}  // namespace

PasswordCheck::PasswordCheck() : key_(RandomKey()), hashing_(1, 1) {}

std::optional<bool> PasswordCheck::Matches(const std::map<std::string, std::string>& users, const std::string& user,
                                           const std::string& password) {
  const auto found = users.find(user);
  // crypt ends a password at a NUL: what stands behind it must not go unseen.
  const bool known = found != users.end() && password.find('\0') == std::string::npos;
  const std::string hash = known ? found->second : HashOfNobody(users);
  const auto digest = Digest(user, password, hash);
  if (const auto remembered = Remembered(digest)) return *remembered;
  const auto permit = hashing_.Enter(kPatience);
  if (!permit) return std::nullopt;
  if (const auto remembered = Remembered(digest)) return *remembered;  // the same one was just computed
  const bool right = MatchesHash(password, hash) && known;
  Remember(digest, right);
  return right;
}

std::optional<bool> PasswordCheck::Remembered(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = remembered_.find(digest);
  return found == remembered_.end() ? std::nullopt : std::optional(found->second);
}

void PasswordCheck::Remember(const std::string& digest, bool right) {
  const std::lock_guard lock(mutex_);
  if (remembered_.size() >= kRightOnes + kWrongOnes) {
    remembered_.clear();
    wrong_.clear();
  }
  if (!remembered_.emplace(digest, right).second || right) return;
  wrong_.push_back(digest);
  if (wrong_.size() <= kWrongOnes) return;
  remembered_.erase(wrong_.front());
  wrong_.pop_front();
}

std::string PasswordCheck::Digest(const std::string& user, const std::string& password, const std::string& hash) const {
  const std::string text = user + '\0' + hash + '\0' + password;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &length);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace pgvigil::web
