#include "objectstore/profile.h"

#include <array>

#include "base/text.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMostOfAFile = 1 << 20;

// Its profiles; none where there is no such file.
base::Result<Profiles> ReadFile(const std::string& path, SharedFile which) {
  const auto text = base::ReadFile(path, kMostOfAFile);
  if (!text.ok()) {
    if (text.error().kind == ErrorKind::kNotFound) return Profiles();
    return text.error();
  }
  auto profiles = ParseSharedFile(*text, which);
  if (profiles.ok()) return profiles;
  auto error = profiles.error();
  error.subject = path + ", " + error.subject;
  return error;
}

std::string Setting(const Settings& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

class Profile final : public CredentialSource {
 public:
  explicit Profile(Environment environment) : environment_(std::move(environment)) {}
  std::string Name() const override { return "the profile of the AWS configuration files"; }

  base::Result<std::optional<Credentials>> Get(base::Deadline) override {
    const auto settings = ReadProfile(environment_);
    if (!settings.ok()) return settings.error();
    AccessKey key{Setting(*settings, "aws_access_key_id"), Setting(*settings, "aws_secret_access_key"),
                  Setting(*settings, "aws_session_token")};
    if (!key.id.empty() && !key.secret.empty()) return std::optional(Credentials{std::move(key), {}});
    if (!key.id.empty() || !key.secret.empty()) {
      return Error{ErrorKind::kAuth,
                   "the profile has one of aws_access_key_id and aws_secret_access_key without the other",
                   {},
                   {}};
    }
    constexpr std::array kOthers = {"source_profile", "credential_source", "sso_session", "sso_start_url",
                                    "credential_process"};
    for (const char* const name : kOthers) {
      if (Setting(*settings, name).empty()) continue;
      return Error{ErrorKind::kUnsupported,
                   std::string("a profile with ") + name + " is not used yet: give keys, or a web identity",
                   {},
                   {}};
    }
    return std::optional<Credentials>();
  }

 private:
  const Environment environment_;
};

}  // namespace

base::Result<Settings> ReadProfile(const Environment& environment) {
  const auto name = environment("AWS_PROFILE");
  const auto home = environment("HOME").value_or("") + "/.aws/";
  const auto config = ReadFile(environment("AWS_CONFIG_FILE").value_or(home + "config"), SharedFile::kConfig);
  if (!config.ok()) return config.error();
  const auto credentials =
      ReadFile(environment("AWS_SHARED_CREDENTIALS_FILE").value_or(home + "credentials"), SharedFile::kCredentials);
  if (!credentials.ok()) return credentials.error();
  Settings settings;
  bool is_there = false;
  for (const auto* const profiles : {&*credentials, &*config}) {
    const auto found = profiles->find(name.value_or("default"));
    if (found == profiles->end()) continue;
    is_there = true;
    settings.insert(found->second.begin(), found->second.end());  // what is there already stays
  }
  if (name && !is_there)
    return Error{ErrorKind::kAuth, "there is no such profile in the AWS configuration files", *name, {}};
  return settings;
}

std::unique_ptr<CredentialSource> FromProfile(Environment environment) {
  return std::make_unique<Profile>(std::move(environment));
}

}  // namespace pgvigil::objectstore
