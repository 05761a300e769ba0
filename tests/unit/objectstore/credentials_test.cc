#include "objectstore/credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/timestamps.h"
#include "fakes/http_server.h"
#include "fakes/manual_clock.h"
#include "objectstore/credential_chain.h"
#include "objectstore/credential_endpoints.h"
#include "objectstore/profile.h"
#include "objectstore/shared_config.h"

namespace pgvigil::objectstore {
namespace {

using fakes::HttpServer;
using fakes::Reply;

TEST(SharedConfigTest, ReadsProfilesAsTheirFileWritesThem) {
  const auto config = ParseSharedFile(
      "# comment\n[default]\nregion = eu-west-1 # ours\n\n[profile orders]\r\nRegion=us-east-1\r\ns3 =\n  max = 5\n"
      "[profile \"with space\"]\na = b=c#d ;e\n[sso-session x]\nregion = no\n[orders]\nregion = no\n[profiles]\nx = "
      "y\n",
      SharedFile::kConfig);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(*config, (Profiles{{"default", {{"region", "eu-west-1"}}},
                               {"orders", {{"region", "us-east-1"}, {"s3", ""}}},
                               {"with space", {{"a", "b=c#d"}}}}));
  const auto credentials =
      ParseSharedFile("[orders]\naws_access_key_id = A\n[profile x]\nk=v", SharedFile::kCredentials);
  ASSERT_TRUE(credentials.ok());
  EXPECT_EQ(*credentials, (Profiles{{"orders", {{"aws_access_key_id", "A"}}}, {"profile x", {{"k", "v"}}}}));
}

TEST(SharedConfigTest, SaysWhereItIsWrongAndNothingOfWhatStandsThere) {
  for (const char* text : {"[a]\nhunter2\n", "[a]\n[hunter2\n"}) {
    const auto read = ParseSharedFile(text, SharedFile::kCredentials);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().subject, "line 2");
    EXPECT_EQ((read.error().message + read.error().subject).find("hunter2"), std::string::npos);
  }
}

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() {
    std::string path = testing::TempDir() + "credentials.XXXXXX";
    directory_ = mkdtemp(path.data());
    variables_["HOME"] = directory_;
    variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  }
  ~CredentialsTest() override { std::filesystem::remove_all(directory_); }

  std::string File(const std::string& name, const std::string& content) const {
    const auto path = directory_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << content;
    return path;
  }
  Environment Variables() const {
    return [variables = variables_](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }
  Surroundings Around() const {
    Surroundings around;
    around.client = client_;
    around.counts = counts_;
    around.environment = Variables();
    return around;
  }
  base::Result<AccessKey> Get(const S3Options& options = {}) const {
    CredentialChain chain(CredentialSources(options, Around()), base::SystemClock());
    return chain.Get(Soon());
  }
  std::string IdFrom(const S3Options& options = {}) const {
    const auto key = Get(options);
    return key.ok() ? key->id : "error: " + std::string(Name(key.error().kind)) + ": " + key.error().message;
  }
  static base::Deadline Soon() { return base::Deadline::After(base::SystemClock().Steady(), std::chrono::seconds(20)); }
  static std::string Document(const std::string& id) {
    return R"({"Code":"Success","AccessKeyId":")" + id +
           R"(","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"})";
  }

  std::string directory_;
  std::map<std::string, std::string> variables_;
  std::shared_ptr<http::Client> client_ = std::make_shared<http::Client>();
  std::shared_ptr<RequestCounts> counts_ = std::make_shared<RequestCounts>();
};

TEST_F(CredentialsTest, AreLookedForInTheOrderOfTheSdks) {
  HttpServer server([](const auto& request) -> std::string {
    if (request.method == "POST") {
      return Reply(200,
                   "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>STS</"
                   "AccessKeyId>"
                   "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</"
                   "SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
                   "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>");
    }
    if (request.target == "/latest/api/token") return Reply(200, "imds-token");
    if (request.target.ends_with("/security-credentials/")) return Reply(200, "role a\n");
    return Reply(200, Document(request.target == "/container" ? "CONTAINER" : "INSTANCE"));
  });
  EXPECT_EQ(IdFrom().find("error: auth: no credentials found; asked: AWS_ACCESS_KEY_ID, "), 0u) << IdFrom();
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.Url("/");
  EXPECT_EQ(IdFrom(), "INSTANCE");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.Url("/container");
  EXPECT_EQ(IdFrom(), "CONTAINER");
  File(".aws/credentials", "[default]\naws_access_key_id = PROFILE\naws_secret_access_key = s\n");
  EXPECT_EQ(IdFrom(), "PROFILE");
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = File("token", "jwt+/=\n");
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/x";
  variables_["AWS_ENDPOINT_URL_STS"] = server.Url();
  EXPECT_EQ(IdFrom(), "STS");
  variables_["AWS_ACCESS_KEY_ID"] = "ENVIRONMENT";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(IdFrom(), "ENVIRONMENT");
  S3Options options;
  options.credentials = {File("id", " FILES \n"), File("secret", "s\n"), {}};
  EXPECT_EQ(IdFrom(options), "FILES");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[1].Header("x-aws-ec2-metadata-token"), "imds-token");
  EXPECT_EQ(requests[2].target, "/latest/meta-data/iam/security-credentials/role%20a");
  EXPECT_EQ(requests[4].body,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&RoleSessionName=pgvigil&"
            "Version=2011-06-15&WebIdentityToken=jwt%2B%2F%3D");
  EXPECT_EQ(counts_->Of(Operation::kInstanceMetadata), 3u);
  EXPECT_EQ(counts_->Of(Operation::kContainer), 1u);
  EXPECT_EQ(counts_->Of(Operation::kSts), 1u);
}

TEST_F(CredentialsTest, HalfOfThemIsAnErrorAndNotTheNextSource) {
  variables_["AWS_ACCESS_KEY_ID"] = "x";
  EXPECT_EQ(IdFrom().find("error: auth: expected both AWS_ACCESS_KEY_ID"), 0u) << IdFrom();
  S3Options options;
  options.credentials.access_key_id_file = File("id", "x");
  EXPECT_EQ(IdFrom(options).find("error: auth: expected both an access_key_id_file"), 0u);
  options.credentials.secret_access_key_file = File("secret", "\n");
  EXPECT_EQ(IdFrom(options).find("error: auth: the credentials file is empty"), 0u);
  options.credentials.secret_access_key_file = directory_ + "/none";
  EXPECT_EQ(IdFrom(options).find("error: not_found"), 0u);
  options.credentials = {File("id", "x"), File("secret", "s"), directory_ + "/none"};
  EXPECT_EQ(IdFrom(options).find("error: not_found"), 0u);
}

TEST_F(CredentialsTest, ProfilesAreChosenAndMerged) {
  variables_["AWS_CONFIG_FILE"] = File(
      "c",
      "[default]\nregion=d\n[profile orders]\nregion = eu-west-3\naws_access_key_id=CONFIG\naws_secret_access_key=s\n"
      "[profile sso]\nsso_session = x\n[profile half]\naws_access_key_id=x\n");
  variables_["AWS_SHARED_CREDENTIALS_FILE"] =
      File("k", "[orders]\naws_access_key_id=KEYS\naws_secret_access_key=s\naws_session_token=t\n");
  variables_["AWS_PROFILE"] = "orders";
  EXPECT_EQ(IdFrom(), "KEYS");
  EXPECT_EQ(Get()->session_token, "t");
  EXPECT_EQ(RegionFromSurroundings(Variables()), "eu-west-3");
  variables_["AWS_DEFAULT_REGION"] = "b";
  EXPECT_EQ(RegionFromSurroundings(Variables()), "b");
  variables_["AWS_REGION"] = "a";
  EXPECT_EQ(RegionFromSurroundings(Variables()), "a");
  variables_["AWS_PROFILE"] = "none";
  EXPECT_EQ(IdFrom().find("error: auth: there is no such profile"), 0u);
  variables_["AWS_PROFILE"] = "sso";
  EXPECT_EQ(IdFrom().find("error: unsupported: a profile with sso_session"), 0u);
  variables_["AWS_PROFILE"] = "half";
  EXPECT_EQ(IdFrom().find("error: auth: the profile has one of"), 0u);
}

TEST_F(CredentialsTest, AWebIdentityOfTheProfileIsUsed) {
  HttpServer server([](const auto&) {
    return Reply(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>");
  });
  variables_["AWS_ENDPOINT_URL_STS"] = server.Url();
  File(".aws/config", "[default]\nweb_identity_token_file = " + File("token", "hunter2") + "\nrole_arn = arn:x\n");
  const auto key = Get();
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(Name(key.error().kind), "auth");
  EXPECT_EQ(key.error().subject, "arn:x");
  EXPECT_NE(key.error().message.find("InvalidIdentityToken"), std::string::npos);
  EXPECT_EQ(key.error().message.find("hunter2"), std::string::npos);
}

TEST_F(CredentialsTest, AContainersTokenIsSentToItsAgentOnly) {
  HttpServer server([](const auto&) { return Reply(200, Document("C")); });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.Url("/x");
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "one";
  EXPECT_EQ(IdFrom(), "C");
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = File("token", "two\n");
  EXPECT_EQ(IdFrom(), "C");
  EXPECT_EQ(server.requests()[0].Header("authorization"), "one");
  EXPECT_EQ(server.requests()[1].Header("authorization"), "two");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://10.0.0.1/x";
  EXPECT_EQ(IdFrom().find("error: unsupported"), 0u) << IdFrom();
}

TEST_F(CredentialsTest, ADocumentMustBeWhole) {
  EXPECT_TRUE(ParseCredentialDocument(Document("x")).ok());
  for (const char* text :
       {"", "[]", "{", R"({"AccessKeyId":"a","SecretAccessKey":"hunter2"})", R"({"AccessKeyId":1})"}) {
    const auto read = ParseCredentialDocument(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().message.find("hunter2"), std::string::npos);
  }
  EXPECT_EQ(Name(ParseCredentialDocument(R"({"Code":"AssumeRoleUnauthorizedAccess"})").error().kind), "auth");
}

// A source that a test turns off and on.
class Scripted final : public CredentialSource {
 public:
  struct State {
    std::atomic<int> asked = 0;
    std::atomic<bool> works = true;
    std::optional<base::WallTime> expires;
  };
  explicit Scripted(State& state) : state_(state) {}
  std::string Name() const override { return "a script"; }
  base::Result<std::optional<Credentials>> Get(base::Deadline) override {
    const int number = ++state_.asked;
    if (!state_.works) return base::Error{base::ErrorKind::kUnavailable, "down", {}, {}};
    return std::optional(Credentials{{"key" + std::to_string(number), "s", {}}, state_.expires});
  }

 private:
  State& state_;
};

class CredentialChainTest : public testing::Test {
 protected:
  CredentialChainTest() {
    sources_.push_back(std::make_unique<Scripted>(state_));
    chain_.emplace(std::move(sources_), clock_);
  }
  std::string Get() {
    const auto key = chain_->Get(base::Deadline::After(clock_.Steady(), std::chrono::seconds(20)));
    return key.ok() ? key->id : key.error().message;
  }

  fakes::ManualClock clock_;
  Scripted::State state_;
  std::vector<std::unique_ptr<CredentialSource>> sources_;
  std::optional<CredentialChain> chain_;
};

TEST_F(CredentialChainTest, RenewsBeforeTheyExpireAndBearsFailuresUntilThen) {
  state_.expires = clock_.Wall() + std::chrono::hours(1);
  EXPECT_EQ(Get(), "key1");
  clock_.Advance(std::chrono::minutes(54));
  EXPECT_EQ(Get(), "key1");
  clock_.Advance(std::chrono::minutes(2));
  state_.works = false;
  EXPECT_EQ(Get(), "key1");  // asked in vain, still good
  EXPECT_EQ(Get(), "key1");  // not asked again at once
  EXPECT_EQ(state_.asked, 2);
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(Get(), "key1");
  EXPECT_EQ(state_.asked, 3);
  clock_.Advance(std::chrono::minutes(3));
  EXPECT_EQ(Get(), "down");  // expired
  state_.works = true;
  state_.expires = clock_.Wall() + std::chrono::hours(1);
  EXPECT_EQ(Get(), "key5");
}

TEST_F(CredentialChainTest, WhatWasRefusedIsAskedForAgain) {
  state_.expires = clock_.Wall() + std::chrono::hours(1);
  EXPECT_EQ(Get(), "key1");
  chain_->Refused({"other", "s", {}});
  EXPECT_EQ(Get(), "key1");
  chain_->Refused({"key1", "s", {}});
  EXPECT_EQ(Get(), "key2");
}

TEST_F(CredentialChainTest, WhatNeverExpiresIsReadEachTime) {
  EXPECT_EQ(Get(), "key1");
  EXPECT_EQ(Get(), "key2");
}

TEST_F(CredentialChainTest, ManyCallersAskOnce) {
  state_.expires = clock_.Wall() + std::chrono::hours(1);
  std::vector<std::future<std::string>> callers;
  for (int i = 0; i < 8; ++i) callers.push_back(std::async(std::launch::async, [this] { return Get(); }));
  for (auto& caller : callers) EXPECT_EQ(caller.get(), "key1");
  EXPECT_EQ(state_.asked, 1);
}

}  // namespace
}  // namespace pgvigil::objectstore
