// With which key a store is asked, and where it comes from. No message of these names a secret.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"
#include "objectstore/environment.h"
#include "objectstore/sigv4.h"

namespace pgvigil::objectstore {

struct Credentials {
  AccessKey key;
  std::optional<base::WallTime> expires;  // nothing: they hold until somebody changes them
};

// One place where credentials may be found. Called by one thread at a time.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  virtual std::string Name() const = 0;  // "the files of the configuration", for messages
  // Nothing: it is not set up here, ask the next one. An error: it is, and does not work.
  virtual base::Result<std::optional<Credentials>> Get(base::Deadline deadline) = 0;
};

// Files as they are mounted from a Secret; read again for every request, so that a rotated key is taken up at once.
struct CredentialFiles {
  std::string access_key_id_file;
  std::string secret_access_key_file;
  std::string session_token_file;  // empty: a key for good

  bool empty() const { return access_key_id_file.empty() && secret_access_key_file.empty(); }
  friend bool operator==(const CredentialFiles&, const CredentialFiles&) = default;
};
std::unique_ptr<CredentialSource> FromFiles(CredentialFiles files);

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
std::unique_ptr<CredentialSource> FromEnvironment(Environment environment);

// The first source that is set up, kept from then on. What expires is renewed before it does; if that fails, what is
// still good is used. Thread-safe; one caller asks the source, the others wait for it.
class CredentialChain {
 public:
  CredentialChain(std::vector<std::unique_ptr<CredentialSource>> sources, const base::Clock& clock);

  // `auth` when no source is set up; it then says which were asked.
  base::Result<AccessKey> Get(base::Deadline deadline);
  // The store did not take this key: the next Get asks the source again.
  void Refused(const AccessKey& key);

 private:
  bool IsFresh(base::WallTime now) const;
  bool IsUsable(base::WallTime now) const;
  base::Result<Credentials> Ask(base::Deadline deadline);

  const std::vector<std::unique_ptr<CredentialSource>> sources_;
  const base::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable asked_;
  bool asking_ = false;
  std::optional<std::size_t> chosen_;  // touched only by who asks
  std::optional<Credentials> current_;
  base::SteadyTime not_again_before_{};
};

}  // namespace pgvigil::objectstore
