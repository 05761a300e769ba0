#include "base/timestamps.h"

#include <gtest/gtest.h>

namespace pgvigil::base {
namespace {

WallTime At(int year, unsigned month, unsigned day, std::chrono::microseconds within) {
  return WallTime(std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day))) +
         within;
}

TEST(TimestampsTest, AreReadAsTheyAreWritten) {
  using namespace std::chrono_literals;
  const auto day = At(2026, 1, 2, 3h + 4min + 5s);
  EXPECT_EQ(ParseIsoTime("2026-01-02T03:04:05Z"), day);
  EXPECT_EQ(ParseIsoTime("2026-01-02T03:04:05.678Z"), day + 678ms);
  EXPECT_EQ(ParseIsoTime("2026-01-02T03:04:05.123456789+00:00"), day + 123456us);
  EXPECT_EQ(ParseIsoTime("2026-01-02T05:34:05.5+02:30"), day + 500ms);
  EXPECT_EQ(ParseIsoTime("2026-01-01T22:04:05-05:00"), day);
  EXPECT_EQ(ParseHttpDate("Fri, 02 Jan 2026 03:04:05 GMT"), day);
  EXPECT_EQ(AmzDate(day + 999ms), "20260102T030405Z");
  EXPECT_EQ(AmzDate(At(1999, 12, 31, 24h - 1us)), "19991231T235959Z");
}

TEST(TimestampsTest, RefuseWhatIsNone) {
  for (const char* text : {"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05+02:0",
                           "2026-01-02T03:04:05+24:00", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z",
                           "2026-01-02T24:04:05Z", "2026-01-02T03:04:05.Zx", "+026-01-02T03:04:05Z"}) {
    EXPECT_FALSE(ParseIsoTime(text)) << text;
  }
  for (const char* text :
       {"", "Fri, 02 Jan 2026 03:04:05 UTC", "Fri, 02 Jam 2026 03:04:05 GMT", "Fri, 32 Jan 2026 03:04:05 GMT",
        "Friday, 02-Jan-26 03:04:05 GMT", "Fri, 2 Jan 2026 03:04:05 GMT"}) {
    EXPECT_FALSE(ParseHttpDate(text)) << text;
  }
}

}  // namespace
}  // namespace pgvigil::base
