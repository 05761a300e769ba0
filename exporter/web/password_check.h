// Whether a password is a user's, by its bcrypt hash (exporter-toolkit's basic_auth_users). bcrypt takes tens to
// hundreds of milliseconds by design; so what was found is remembered, one password is computed at a time and one may
// wait for that: passwords, right or wrong, never hold more than two workers.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "web/admission.h"

namespace pgvigil::web {

// Thread-safe.
class PasswordCheck {
 public:
  PasswordCheck();

  // By name, bcrypt hashes. An unknown user takes as long as the one with the costliest hash. Nothing where too many
  // passwords are being checked to take one more.
  std::optional<bool> Matches(const std::map<std::string, std::string>& users, const std::string& user,
                              const std::string& password);

 private:
  std::optional<bool> Remembered(const std::string& digest);
  void Remember(const std::string& digest, bool right);
  std::string Digest(const std::string& user, const std::string& password, const std::string& hash) const;

  const std::string key_;  // of the digests: of this process alone
  Admission hashing_;
  std::mutex mutex_;  // of the two below, which never wait for a hash
  // A scraper asks with the same password for ever, be it right or wrong. The oldest wrong ones are forgotten.
  std::map<std::string, bool> remembered_;  // by digest of user, password and hash
  std::deque<std::string> wrong_;
};

}  // namespace pgvigil::web
