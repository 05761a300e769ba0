#include "base/logging.h"

#include <gtest/gtest.h>

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
            "{\"ts\":\"T\",\"level\":\"warning\",\"msg\":\"lag\",\"seconds\":\"0.25\"}\n");
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
  EXPECT_EQ(throttle.Admit("a", start), 0U);
  EXPECT_EQ(throttle.Admit("a", start + 10s), std::nullopt);
  EXPECT_EQ(throttle.Admit("a", start + 59s), std::nullopt);
  EXPECT_EQ(throttle.Admit("b", start + 59s), 0U) << "another key has its own interval";
  EXPECT_EQ(throttle.Admit("a", start + 60s), 2U);
  throttle.Forget("a");
  EXPECT_EQ(throttle.Admit("a", start + 61s), 0U) << "after a recovery a failure is news";
}

}  // namespace
}  // namespace pgvigil::base
