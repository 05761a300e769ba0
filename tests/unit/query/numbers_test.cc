#include "query/numbers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pgvigil::query {
namespace {

constexpr std::uint32_t kBool = 16, kInt8 = 20, kText = 25, kFloat8 = 701, kDate = 1082, kTimestamp = 1114,
                        kTimestampTz = 1184, kInterval = 1186, kNumeric = 1700;

TEST(NumbersTest, ReadsEachTypeAsPostgresPrintsIt) {
  struct Case {
    std::uint32_t type;
    const char* text;
    double number;
  };
  for (const auto& [type, text, number] : {
           Case{kBool, "t", 1},
           Case{kBool, "f", 0},
           Case{kInt8, "-42", -42},
           Case{kFloat8, "1.5e-3", 0.0015},
           Case{kNumeric, "123456789012345678.5", 123456789012345678.5},
           Case{kText, "17", 17},
           Case{kTimestampTz, "2026-11-24 10:21:00.25+00", 1795515660.25},
           Case{kTimestamp, "1970-01-01 00:00:01", 1},
           Case{kDate, "1970-01-02", 86400},
           Case{kTimestamp, "0001-12-31 23:59:59 BC", -62135596801.0},
           Case{kInterval, "PT1H2M3.5S", 3723.5},
           Case{kInterval, "P1Y2M3DT0S", 365.25 * 86400 + 63 * 86400},
           Case{kInterval, "P-1DT-0.5S", -86400.5},
           Case{kInterval, "PT0S", 0},
       }) {
    const auto read = NumberFromText(type, text);
    ASSERT_TRUE(read) << text;
    EXPECT_DOUBLE_EQ(*read, number) << text;
  }
  EXPECT_TRUE(std::isnan(*NumberFromText(kNumeric, "NaN")));
  EXPECT_EQ(NumberFromText(kFloat8, "-Infinity"), -INFINITY);
}

TEST(NumbersTest, WhatIsNoNumberAsAWholeIsNone) {
  struct Case {
    std::uint32_t type;
    const char* text;
  };
  for (const auto& [type, text] :
       {Case{kText, "abc"}, Case{kText, "1 day"}, Case{kText, ""}, Case{kText, "2026-11-24"}, Case{kText, "0/16B3740"},
        Case{kBool, "true"}, Case{kTimestampTz, "infinity"}, Case{kTimestampTz, "2026-13-01 00:00:00+00"},
        Case{kTimestampTz, "2026-11-24 10:21:00+02"}, Case{kInterval, "P"}, Case{kInterval, "PT"},
        Case{kInterval, "1 day"}, Case{kInterval, "PTS"}, Case{kNumeric, "1e999"}}) {
    EXPECT_EQ(NumberFromText(type, text), std::nullopt) << text;
  }
}

TEST(NumbersTest, ADurationIsAnIntervalAGoDurationOrSeconds) {
  EXPECT_EQ(SecondsFromText("PT90S"), 90);
  EXPECT_EQ(SecondsFromText("1h2m3s"), 3723);
  EXPECT_EQ(SecondsFromText("-1.5h"), -5400);
  EXPECT_NEAR(*SecondsFromText("12ms"), 0.012, 1e-12);
  EXPECT_EQ(SecondsFromText("7"), 7);
  for (const char* text : {"", "-", "h", "1x", "1h2", "1 h"}) EXPECT_EQ(SecondsFromText(text), std::nullopt) << text;
}

TEST(NumbersTest, AnArrayIsReadWholeOrNotAtAll) {
  EXPECT_EQ(NumbersFromArray("{0.1,1,Infinity}"), (std::vector<double>{0.1, 1, INFINITY}));
  EXPECT_EQ(NumbersFromArray("{}"), std::vector<double>());
  for (const char* text : {"", "{", "1,2", "{1,NULL}", "{{1},{2}}"})
    EXPECT_EQ(NumbersFromArray(text), std::nullopt) << text;
}

}  // namespace
}  // namespace pgvigil::query
