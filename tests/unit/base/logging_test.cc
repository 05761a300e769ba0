#include "base/logging.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

namespace pgvigil::base {
namespace {

// What is logged, without the time stamp.
template <typename Act>
std::string Logged(LogFormat format, Act act) {
  ConfigureLogging({LogLevel::kInfo, format});
  testing::internal::CaptureStderr();
  act();
  ConfigureLogging({});
  return std::regex_replace(testing::internal::GetCapturedStderr(),
                            std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"), "T");
}

TEST(LoggingTest, WritesOneLineAnEvent) {
  EXPECT_EQ(Logged(LogFormat::kLogfmt,
                   [] { Log(LogLevel::kInfo, "instance answers", {{"instance", "orders-1"}, {"pid", 42}}); }),
            "ts=T level=info msg=\"instance answers\" instance=orders-1 pid=42\n");
  EXPECT_EQ(Logged(LogFormat::kJson, [] { Log(LogLevel::kWarn, "lag", {{"seconds", 0.25}}); }),
            "{\"ts\":\"T\",\"level\":\"warn\",\"msg\":\"lag\",\"seconds\":0.25}\n");
}

TEST(LoggingTest, JsonHasNumbersAsNumbersAndTextAsText) {
  EXPECT_EQ(
      Logged(LogFormat::kJson, [] { Log(LogLevel::kError, "m", {{"n", -3}, {"text", "7"}, {"nan", std::nan("")}}); }),
      "{\"ts\":\"T\",\"level\":\"error\",\"msg\":\"m\",\"n\":-3,\"text\":\"7\",\"nan\":\"nan\"}\n");
}

TEST(LoggingTest, NothingIsSaidOfRepetitionsThatWereNone) {
  EXPECT_EQ(Logged(LogFormat::kLogfmt, [] { Log(LogLevel::kWarn, "m", {{"repeated", HeldBack{0}}, {"a", 1}}); }),
            "ts=T level=warn msg=m a=1\n");
  EXPECT_EQ(Logged(LogFormat::kLogfmt, [] { Log(LogLevel::kWarn, "m", {{"repeated", HeldBack{5}}}); }),
            "ts=T level=warn msg=m repeated=5\n");
}

TEST(LoggingTest, AServersMessageCanNeitherBreakNorForgeALine) {
  const Error error{ErrorKind::kAuth, "bad \"role\"\nlevel=info msg=fine \x1b[2J\xFF", "db1:5432", "28P01"};
  const auto logfmt = Logged(LogFormat::kLogfmt, [&] { Log(LogLevel::kError, "connect failed", error); });
  EXPECT_EQ(logfmt,
            "ts=T level=error msg=\"connect failed\" subject=db1:5432 reason=auth code=28P01 "
            "error=\"bad \\\"role\\\"\\nlevel=info msg=fine \\u001b[2J\xEF\xBF\xBD\"\n");
}

TEST(LoggingTest, KeepsQuietBelowItsLevel) {
  EXPECT_EQ(Logged(LogFormat::kLogfmt, [] { Log(LogLevel::kDebug, "detail"); }), "");
}

TEST(LogThrottleTest, LetsOneAnIntervalThroughAndCountsTheRest) {
  using namespace std::chrono_literals;
  LogThrottle throttle(60s);
  const SteadyTime start{1h};
  EXPECT_EQ(throttle.Admit("a", start), HeldBack{0});
  EXPECT_EQ(throttle.Admit("a", start + 10s), std::nullopt);
  EXPECT_EQ(throttle.Admit("a", start + 59s), std::nullopt);
  EXPECT_EQ(throttle.Admit("b", start + 59s), HeldBack{0}) << "another key has its own interval";
  EXPECT_EQ(throttle.Admit("a", start + 60s), HeldBack{2});
  throttle.Forget("a");
  EXPECT_EQ(throttle.Admit("a", start + 61s), HeldBack{0}) << "after a recovery a failure is news";
}

}  // namespace
}  // namespace pgvigil::base
