#include <crypt.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

#include "web_fixture.h"

namespace pgvigil::web {
namespace {

constexpr const char* kGood = "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXQ=\r\n";  // prometheus:secret
// bcrypt of "secret", at the least cost there is.
constexpr const char* kSecret = "$2b$04$Rm4F3LT54EyA07W1mzOHYOkvygAzHVhwk/HQQDMkwNe/Eu/Ivh2Xe";

// A hash of nobody's password that takes seconds to compute.
std::string CostlyHash() {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  crypt_gensalt_rn("$2b$", 15, nullptr, 0, setting.data(), setting.size());
  return std::string(setting.data()) + std::string(31, 'x');
}

std::string Basic(const std::string& credentials) {
  std::string text(credentials.size() * 2 + 4, '\0');
  text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                       reinterpret_cast<const unsigned char*>(credentials.data()),
                                                       static_cast<int>(credentials.size()))));
  return "Authorization: Basic " + text + "\r\n";
}

using AccessTest = WebTest;

TEST_F(AccessTest, BasicAuthenticationGuardsEverythingButTheProbes) {
  ASSERT_EQ(Start("basic_auth_users: {prometheus: '" + std::string(kSecret) +
                  "'}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n"),
            "");
  const int port = server_->port();
  EXPECT_TRUE(Get(port, "/-/healthy").starts_with("HTTP/1.1 200"));
  const auto refused = Get(port, "/metrics");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401"));
  EXPECT_NE(refused.find("WWW-Authenticate: Basic"), std::string::npos);
  EXPECT_NE(refused.find("X-Frame-Options: deny"), std::string::npos);
  struct Case {
    const char* credentials;  // base64
    const char* status;
  };
  for (const auto& [credentials, status] : {Case{"cHJvbWV0aGV1czpzZWNyZXQ=", "HTTP/1.1 200"},  // prometheus:secret
                                            Case{"cHJvbWV0aGV1czpzZWNyZXQ=", "HTTP/1.1 200"},  // again, from memory
                                            Case{"cHJvbWV0aGV1czp3cm9uZw==", "HTTP/1.1 401"},  // prometheus:wrong
                                            Case{"bm9ib2R5OnNlY3JldA==", "HTTP/1.1 401"},      // nobody:secret
                                            Case{"!!!", "HTTP/1.1 401"}}) {
    EXPECT_TRUE(Get(port, "/metrics", std::string("Authorization: Basic ") + credentials + "\r\n").starts_with(status))
        << credentials;
  }
  EXPECT_TRUE(Get(port, "/nothing").starts_with("HTTP/1.1 401")) << "what exists is nobody's business";
}

TEST_F(AccessTest, WrongPasswordsKeepNeitherAKnownScraperNorAProbeWaiting) {
  ASSERT_EQ(Start("basic_auth_users: {prometheus: '" + std::string(kSecret) + "', other: '" + CostlyHash() + "'}\n"),
            "");
  const int port = server_->port();
  ASSERT_TRUE(Get(port, "/metrics", kGood).starts_with("HTTP/1.1 200"));
  std::vector<std::future<std::string>> wrong;
  for (int i = 0; i < 20; ++i) {
    // Unknown users are as many as wrong passwords of known ones, and cost as much.
    const auto credentials = (i % 2 == 0 ? "other:" : "nobody:") + std::to_string(i);
    wrong.push_back(std::async(std::launch::async, [=] { return Get(port, "/metrics", Basic(credentials)); }));
  }
  const auto answered = [&] {
    return std::count_if(wrong.begin(), wrong.end(),
                         [](const auto& one) { return one.wait_for(0s) == std::future_status::ready; });
  };
  while (answered() < 19) std::this_thread::yield();
  EXPECT_TRUE(Get(port, "/metrics", kGood).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(Get(port, "/-/healthy").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(answered(), 19) << "one is still being computed";
  int refused = 0, busy = 0;
  for (auto& one : wrong) {
    const auto answer = one.get();
    refused += answer.starts_with("HTTP/1.1 401") ? 1 : 0;
    busy += answer.starts_with("HTTP/1.1 503") && answer.find("Retry-After: 1\r\n") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(busy, 19);
}

TEST_F(AccessTest, APasswordEndsAtNoNulAndTheSchemeIsWrittenAsItLikes) {
  ASSERT_EQ(Start("basic_auth_users: {prometheus: '" + std::string(kSecret) + "'}\n"), "");
  const int port = server_->port();
  EXPECT_TRUE(Get(port, "/metrics", Basic(std::string("prometheus:secret\0x", 19))).starts_with("HTTP/1.1 401"));
  auto lower = Basic("prometheus:secret");
  lower.replace(lower.find("Basic"), 5, "basic");
  EXPECT_TRUE(Get(port, "/metrics", lower).starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace pgvigil::web
