#include "objectstore/credentials.h"

#include <algorithm>

#include "base/text.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMostOfASecret = 16 << 10;  // session tokens reach a few KiB
constexpr auto kRenewBefore = std::chrono::minutes(5);
constexpr auto kStillGoodFor = std::chrono::seconds(10);
constexpr auto kRenewAgainAfter = std::chrono::seconds(30);

class Files final : public CredentialSource {
 public:
  explicit Files(CredentialFiles files) : files_(std::move(files)) {}
  std::string Name() const override { return "the files of the configuration"; }

  base::Result<std::optional<Credentials>> Get(base::Deadline) override {
    if (files_.empty()) return std::optional<Credentials>();
    Credentials found;
    for (const auto& [path, part] : {std::pair(&files_.access_key_id_file, &found.key.id),
                                     std::pair(&files_.secret_access_key_file, &found.key.secret),
                                     std::pair(&files_.session_token_file, &found.key.session_token)}) {
      if (path->empty() && part == &found.key.session_token) continue;
      if (path->empty()) {
        return Error{ErrorKind::kAuth, "expected both an access_key_id_file and a secret_access_key_file", {}, {}};
      }
      const auto text = base::ReadFile(*path, kMostOfASecret);
      if (!text.ok()) return text.error();
      *part = base::Trim(*text);
      if (part->empty()) return Error{ErrorKind::kAuth, "the credentials file is empty", *path, {}};
    }
    return std::optional(found);
  }

 private:
  const CredentialFiles files_;
};

class Variables final : public CredentialSource {
 public:
  explicit Variables(Environment environment) : environment_(std::move(environment)) {}
  std::string Name() const override { return "AWS_ACCESS_KEY_ID"; }

  base::Result<std::optional<Credentials>> Get(base::Deadline) override {
    const auto id = environment_("AWS_ACCESS_KEY_ID");
    const auto secret = environment_("AWS_SECRET_ACCESS_KEY");
    if (!id && !secret) return std::optional<Credentials>();
    if (!id || !secret) {
      return Error{
          ErrorKind::kAuth, "expected both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment", {}, {}};
    }
    return std::optional(Credentials{{*id, *secret, environment_("AWS_SESSION_TOKEN").value_or("")}, {}});
  }

 private:
  const Environment environment_;
};

}  // namespace

std::unique_ptr<CredentialSource> FromFiles(CredentialFiles files) { return std::make_unique<Files>(std::move(files)); }

std::unique_ptr<CredentialSource> FromEnvironment(Environment environment) {
  return std::make_unique<Variables>(std::move(environment));
}

CredentialChain::CredentialChain(std::vector<std::unique_ptr<CredentialSource>> sources, const base::Clock& clock)
    : sources_(std::move(sources)), clock_(clock) {}

bool CredentialChain::IsFresh(base::WallTime now) const {
  return current_ && current_->expires && now < *current_->expires - kRenewBefore;
}

bool CredentialChain::IsUsable(base::WallTime now) const {
  return current_ && current_->expires && now < *current_->expires - kStillGoodFor;
}

base::Result<AccessKey> CredentialChain::Get(base::Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (!IsFresh(clock_.Wall())) {
    if (IsUsable(clock_.Wall()) && (asking_ || clock_.Steady() < not_again_before_)) break;
    if (!asking_) {
      asking_ = true;
      lock.unlock();
      auto found = Ask(deadline);
      lock.lock();
      asking_ = false;
      asked_.notify_all();
      if (found.ok()) {
        current_ = *found;
        return found->key;
      }
      not_again_before_ = clock_.Steady() + kRenewAgainAfter;
      if (IsUsable(clock_.Wall())) break;
      return found.error();
    }
    if (asked_.wait_for(lock, deadline.Left(clock_.Steady())) == std::cv_status::timeout) {
      return Error{ErrorKind::kTimeout, "no credentials in time", {}, {}};
    }
  }
  return current_->key;
}

base::Result<Credentials> CredentialChain::Ask(base::Deadline deadline) {
  std::string asked;
  for (std::size_t i = chosen_.value_or(0); i < sources_.size(); ++i) {
    auto found = sources_[i]->Get(deadline);
    if (!found.ok()) return found.error();
    if (*found) {
      chosen_ = i;
      return **found;
    }
    asked += (asked.empty() ? "" : ", ") + sources_[i]->Name();
  }
  return Error{ErrorKind::kAuth, "no credentials found; asked: " + asked, {}, {}};
}

void CredentialChain::Refused(const AccessKey& key) {
  const std::lock_guard lock(mutex_);
  if (current_ && current_->key == key) current_.reset();
}

}  // namespace pgvigil::objectstore
