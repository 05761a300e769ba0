#include "cluster/schedule.h"

#include <gtest/gtest.h>

#include "unit/cluster/cron_scene.h"

namespace pgvigil::cluster {
namespace {

using std::chrono::days;

constexpr auto kCnpg = CronForm::kCloudNativePg;
constexpr auto kStatic = CronForm::kStatic;

struct NextCase {
  const char* cron;
  const char* after;
  const char* next;  // "": never
};

void ExpectNext(std::initializer_list<NextCase> cases, CronForm form, const TimeZone& zone = {}) {
  for (const auto& [text, after, next] : cases) {
    const auto found = Parsed(text, form, zone).Next(At(after));
    EXPECT_EQ(found ? Written(*found) : "", next) << text << " after " << after;
  }
}

// Rows whose answer is that of robfig/cron v1.2.0's own tests.
TEST(CronNextTest, IsThatOfRobfigCron) {
  ExpectNext({{"0 0/15 * * *", "2012-07-09 14:45:00", "2012-07-09 15:00:00"},
              {"0 0/15 * * *", "2012-07-09 14:59:59", "2012-07-09 15:00:00"},
              {"0 20-35/15 * * *", "2012-07-09 15:45:00", "2012-07-09 16:20:00"},
              {"0 */15 * * *", "2012-07-09 23:46:00", "2012-07-10 00:00:00"},
              {"15/35 20-35/15 * * *", "2012-07-09 23:35:51", "2012-07-10 00:20:15"},
              {"15/35 20-35/15 1/2 * *", "2012-07-09 23:35:51", "2012-07-10 01:20:15"},
              {"15/35 20-35/15 1/2 */2 * *", "2012-07-09 23:35:51", "2012-07-11 01:20:15"},
              {"15/35 20-35/15 * 9-20 Jul *", "2012-07-09 23:35:51", "2012-07-10 00:20:15"},
              {"0 0 0 9 Apr-Oct ?", "2012-07-09 23:35:00", "2012-08-09 00:00:00"},
              {"0 0 0 */5 Apr,Aug,Oct Mon", "2012-07-09 23:35:00", "2012-08-06 00:00:00"},
              {"0 0 0 */5 Oct Mon", "2012-07-09 23:35:00", "2012-10-01 00:00:00"},
              {"0 0 0 * Feb Mon/2", "2012-07-09 23:35:00", "2013-02-01 00:00:00"},
              {"0 * * * * *", "2012-12-31 23:59:45", "2013-01-01 00:00:00"},
              {"0 0 0 29 Feb ?", "2012-07-09 23:35:00", "2016-02-29 00:00:00"},
              {"0 0 0 30 Feb ?", "2012-07-09 23:35:00", ""},
              {"0 0 0 31 Apr ?", "2012-07-09 23:35:00", ""}},
             kCnpg);
}

TEST(CronNextTest, FiveFieldsHaveNoSecondsInTheConfigurationAndNoWeekdayInAScheduledBackup) {
  ExpectNext({{"0 2 * * *", "2026-01-01 02:00:00", "2026-01-02 02:00:00"}}, kStatic);
  ExpectNext({{"0 2 * * *", "2026-01-01 02:02:00", "2026-01-01 03:02:00"}}, kCnpg);
  ExpectNext({{"0 0 2 * * *", "2026-01-01 02:00:00", "2026-01-02 02:00:00"}}, kStatic);
  ExpectNext({{"0 0 2 * * *", "2026-01-01 02:00:00", "2026-01-02 02:00:00"}}, kCnpg);
}

TEST(CronNextTest, AWordStandsForItsFields) {
  for (const auto form : {kCnpg, kStatic}) {
    ExpectNext({{"@yearly", "2026-05-05 05:05:05", "2027-01-01 00:00:00"},
                {"@annually", "2027-01-01 00:00:00", "2028-01-01 00:00:00"},
                {"@monthly", "2026-05-05 05:05:05", "2026-06-01 00:00:00"},
                {"@weekly", "2026-05-05 05:05:05", "2026-05-10 00:00:00"},
                {"@daily", "2026-05-05 05:05:05", "2026-05-06 00:00:00"},
                {"@midnight", "2026-05-05 00:00:00", "2026-05-06 00:00:00"},
                {"@hourly", "2026-05-05 05:05:05", "2026-05-05 06:00:00"}},
               form);
  }
}

TEST(CronNextTest, EveryCountsFromTheStartItIsGiven) {
  ExpectNext({{"@every 1h30m", "2026-05-05 05:05:05", "2026-05-05 06:35:05"},
              {"@every 1.5h", "2026-05-05 05:05:05", "2026-05-05 06:35:05"},
              {"@every 90m0.9s", "2026-05-05 05:05:05", "2026-05-05 06:35:05"},
              {"@every .5h", "2026-05-05 05:05:05", "2026-05-05 05:35:05"},
              {"@every 10ms", "2026-05-05 05:05:05", "2026-05-05 05:05:06"},
              {"@every -1h", "2026-05-05 05:05:05", "2026-05-05 05:05:06"},
              {"@every 0", "2026-05-05 05:05:05", "2026-05-05 05:05:06"},
              {"@every 3000000us", "2026-05-05 05:05:05", "2026-05-05 05:05:08"}},
             kCnpg);
  const auto after = At("2026-05-05 05:05:05") + std::chrono::microseconds(700'000);
  EXPECT_EQ(Parsed("@every 1m", kCnpg).Next(after), At("2026-05-05 05:06:05"));
}

TEST(CronNextTest, IsAWholeSecondStrictlyAfter) {
  const auto cron = Parsed("0 0 2 * * *", kCnpg);
  const auto slot = At("2026-01-01 02:00:00");
  EXPECT_EQ(cron.Next(slot - std::chrono::microseconds(1)), slot);
  EXPECT_EQ(cron.Next(slot), slot + days(1));
  EXPECT_EQ(cron.Next(slot + std::chrono::microseconds(1)), slot + days(1));
}

TEST(CronNextTest, MonthsEndWhereTheyEnd) {
  ExpectNext({{"0 0 31 * *", "2026-01-31 00:00:00", "2026-03-31 00:00:00"},
              {"0 0 30 * *", "2026-01-30 00:00:00", "2026-03-30 00:00:00"},
              {"0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"},
              {"0 0 29 2 *", "2028-02-29 00:00:00", "2032-02-29 00:00:00"},
              {"0 0 28-31 2 *", "2027-02-28 00:00:00", "2028-02-28 00:00:00"},
              {"59 23 31 12 *", "2026-12-31 23:59:00", "2027-12-31 23:59:00"}},
             kStatic);
}

TEST(CronNextTest, IsSoughtToTheEndOfTheFifthYear) {
  ExpectNext({{"0 0 29 2 *", "2096-02-28 00:00:00", "2096-02-29 00:00:00"},
              {"0 0 29 2 *", "2096-03-01 00:00:00", ""},  // 2100 is no leap year
              {"0 0 29 2 *", "2099-12-31 23:59:59", "2104-02-29 00:00:00"},
              {"0 0 31 2,4,6,9,11 *", "2026-01-01 00:00:00", ""},
              {"@every 87600h", "2026-01-01 00:00:00", "2035-12-30 00:00:00"}},
             kStatic);
  EXPECT_EQ(Parsed("@daily", kStatic).Next(base::WallTime::max()), std::nullopt);
  EXPECT_EQ(Parsed("@every 1h", kStatic).Next(base::WallTime::min()), std::nullopt);
}

TEST(CronNextTest, DaysAreTheUnionUnlessOneOfThemHasAStar) {
  // 2026-06-01 is a Monday.
  ExpectNext({{"0 0 13 * 5", "2026-06-01 00:00:00", "2026-06-05 00:00:00"},  // a Friday
              {"0 0 13 * 5", "2026-06-12 00:00:00", "2026-06-13 00:00:00"},  // a 13th
              {"0 0 13 * *", "2026-06-01 00:00:00", "2026-06-13 00:00:00"},
              {"0 0 13 * ?", "2026-06-01 00:00:00", "2026-06-13 00:00:00"},
              {"0 0 * * 5", "2026-06-05 00:00:00", "2026-06-12 00:00:00"},
              {"0 0 */2 * 5", "2026-06-01 00:00:00", "2026-06-05 00:00:00"},  // both: odd and a Friday
              {"0 0 */2 * 5", "2026-06-05 00:00:00", "2026-06-19 00:00:00"},
              {"0 0 1-31/2 * 5", "2026-06-01 00:00:00", "2026-06-03 00:00:00"},  // no star: either
              {"0 0 13 * */5", "2026-06-01 00:00:00", "2026-09-13 00:00:00"},    // a 13th, Friday or Sunday
              {"0 0 13,* * 5", "2026-06-13 00:00:00", "2026-06-19 00:00:00"}},
             kStatic);
}

TEST(CronNextTest, SevenIsSundayInTheConfiguration) {
  ExpectNext({{"0 0 * * 7", "2026-06-01 00:00:00", "2026-06-07 00:00:00"},
              {"0 0 * * 5-7", "2026-06-06 00:00:00", "2026-06-07 00:00:00"},
              {"0 0 * * 6/1", "2026-06-06 00:00:00", "2026-06-13 00:00:00"}},
             kStatic);
}

TEST(CronZoneTest, ASkippedTimeDoesNotFireThatDay) {
  // Berlin, 29 March 2026: 02:00 CET is 03:00 CEST.
  ExpectNext({{"30 2 * * *", "2026-03-28 01:30:00", "2026-03-30 00:30:00"},
              {"0 3 * * *", "2026-03-28 03:00:00", "2026-03-29 01:00:00"},
              {"30 1 * * *", "2026-03-28 01:00:00", "2026-03-29 00:30:00"},
              {"0 * * * *", "2026-03-29 00:00:00", "2026-03-29 01:00:00"},
              {"30 2 29 3 *", "2026-01-01 00:00:00", "2027-03-29 00:30:00"}},
             kStatic, Zone("Europe/Berlin"));
}

TEST(CronZoneTest, ARepeatedTimeFiresTwice) {
  // Berlin, 25 October 2026: 03:00 CEST is 02:00 CET.
  ExpectNext({{"30 2 * * *", "2026-10-24 01:00:00", "2026-10-25 00:30:00"},
              {"30 2 * * *", "2026-10-25 00:30:00", "2026-10-25 01:30:00"},
              {"30 2 * * *", "2026-10-25 01:30:00", "2026-10-26 01:30:00"},
              {"0 3 * * *", "2026-10-24 01:00:00", "2026-10-25 02:00:00"},
              {"59 59 2 * * *", "2026-10-25 00:59:59", "2026-10-25 01:59:59"}},
             kStatic, Zone("Europe/Berlin"));
}

TEST(CronZoneTest, ThePrefixWinsOverTheZoneGiven) {
  ExpectNext({{"TZ=America/New_York 0 2 * * *", "2026-01-01 00:00:00", "2026-01-01 07:00:00"},
              {"CRON_TZ=Asia/Kolkata 0 0 2 * * *", "2026-01-01 00:00:00", "2026-01-01 20:30:00"},
              {"TZ=UTC @daily", "2026-01-01 00:00:00", "2026-01-02 00:00:00"},
              {"@daily", "2026-01-01 00:00:00", "2026-01-01 23:00:00"}},
             kStatic, Zone("Europe/Berlin"));
  EXPECT_EQ(Parsed("TZ=Asia/Kolkata 0 2 * * *", kStatic).zone().Name(), "Asia/Kolkata");
}

TEST(CronZoneTest, AnUnknownNameIsNoZone) {
  for (const char* name : {"Europe/Atlantis", "", "../../etc/passwd", "/etc/localtime", "europe/berlin"}) {
    const auto zone = TimeZone::Find(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.error().kind, base::ErrorKind::kNotFound);
    EXPECT_NE(zone.error().message.find(name), std::string::npos);
  }
}

TEST(CronParseTest, WhatIsWrittenOtherwiseMeansTheSame) {
  struct Case {
    const char* one;
    const char* other;
  };
  for (const auto& [one, other] :
       {Case{"0 0 2 * * *", "  0\t00  02 * *\n? "}, Case{"0 0 2 * JAN-MAR MON", "0 0 2 * 1-3 1"},
        Case{"0 0 2 * feb,Mar sUn,SAT", "0 0 2 * 2,3 0,6"}, Case{"0 0 */6 * * *", "0 0 0,6,12,18 * * *"},
        Case{"0 0 6/6 * * *", "0 0 6-23/6 * * *"}, Case{"0 0 2/100 * * *", "0 0 2 * * *"},
        Case{"0 0 1,,2, * * *", "0 0 1-2 * * *"}}) {
    auto time = At("2026-01-01 00:00:00");
    for (int i = 0; i < 50; ++i) {
      const auto next = Parsed(one, kCnpg).Next(time);
      ASSERT_EQ(next, Parsed(other, kCnpg).Next(time)) << one << " and " << other;
      time = *next;
    }
  }
}

TEST(CronParseTest, AnErrorNamesTheFieldWhatWasFoundAndWhatIsExpected) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const auto& [text, message] : {
           Case{"", "expected a cron expression, found nothing"},
           Case{"  ", "expected a cron expression, found nothing"},
           Case{"0 2 * *", "expected 5 or 6 fields (six have seconds first), found 4"},
           Case{"0 0 2 * * * 2026", "expected 5 or 6 fields (six have seconds first), found 7"},
           Case{"60 0 2 * * *", "second: expected 0 to 59, found \"60\""},
           Case{"0 60 2 * * *", "minute: expected 0 to 59, found \"60\""},
           Case{"0 0 24 * * *", "hour: expected 0 to 23, found \"24\""},
           Case{"0 0 2 0 * *", "day of month: expected 1 to 31, found \"0\""},
           Case{"0 0 2 32 * *", "day of month: expected 1 to 31, found \"32\""},
           Case{"0 0 2 L * *", "day of month: expected 1 to 31, found \"L\""},
           Case{"0 0 2 * 13 *", "month: expected 1 to 12 or a name of three letters, jan to dec, found \"13\""},
           Case{"0 0 2 * Janu *", "month: expected 1 to 12 or a name of three letters, jan to dec, found \"Janu\""},
           Case{"0 0 2 * * 7", "day of week: expected 0 to 6 or a name of three letters, sun to sat, found \"7\""},
           Case{"0 0 2 * * a", "day of week: expected 0 to 6 or a name of three letters, sun to sat, found \"a\""},
           Case{"0 0 x-3 * * *", "hour: expected 0 to 23, found \"x\""},
           Case{"0 0 3- * * *", "hour: expected 0 to 23, found \"\""},
           Case{"0 0 -3 * * *", "hour: expected 0 to 23, found \"\""},
           Case{"0 0 1-2-3 * * *", "hour: expected a range of two values, found \"1-2-3\""},
           Case{"0 0 5-3 * * *", "hour: expected a range whose end is not before its start, found \"5-3\""},
           Case{"0 0 2 * * FRI-MON",
                "day of week: expected a range whose end is not before its start, found \"FRI-MON\""},
           Case{"0 */0 2 * * *", "minute: expected a step of 1 or more after /, found \"*/0\""},
           Case{"0 */x 2 * * *", "minute: expected a step of 1 or more after /, found \"*/x\""},
           Case{"0 */ 2 * * *", "minute: expected a step of 1 or more after /, found \"*/\""},
           Case{"0 */2/3 2 * * *", "minute: expected one step at most, found \"*/2/3\""},
           Case{"0 *-5 2 * * *", "minute: expected no range after *, found \"*-5\""},
           Case{"0 , 2 * * *", "minute: expected 0 to 59, found \",\""},
           Case{"0 0 \xff * * *", "hour: expected 0 to 23, found \"\xEF\xBF\xBD\""},
           Case{"@every", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every 5", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every 1d", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every h", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every .h", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every 1.2.3h", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every 1h 30m", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@every 9999999h", "@every: expected one span such as 1h30m, of h, m, s"},
           Case{"@nightly",
                "expected @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or \"@every 1h30m\", found "
                "\"@nightly\""},
           Case{"@daily 3",
                "expected @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or \"@every 1h30m\", found "
                "\"@daily\" and more"},
           Case{"TZ=UTC 0 0 2 * * *",
                "expected no time zone: CloudNativePG reads schedules in the operator's, found \"TZ=UTC\""},
       }) {
    const auto cron = Cron::Parse(text, kCnpg);
    ASSERT_FALSE(cron.ok()) << text;
    EXPECT_EQ(cron.error().kind, base::ErrorKind::kMalformed) << text;
    EXPECT_EQ(cron.error().message, message) << text;
    EXPECT_EQ(cron.error().subject, base::ValidUtf8(text));
  }
}

TEST(CronParseTest, AZoneMustBeKnownAndSomethingMustFollowIt) {
  const auto unknown = Cron::Parse("TZ=Europe/Atlantis @daily", kStatic);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, base::ErrorKind::kNotFound);
  EXPECT_EQ(unknown.error().message, "expected a time zone such as Europe/Berlin, found \"Europe/Atlantis\"");
  EXPECT_EQ(unknown.error().subject, "TZ=Europe/Atlantis @daily");
  EXPECT_FALSE(Cron::Parse("TZ=Europe/Berlin", kStatic).ok());
}

TEST(CronParseTest, LengthIsLimited) {
  const auto cron = Cron::Parse("0 0 2 * * " + std::string(1000, '1'), kStatic);
  ASSERT_FALSE(cron.ok());
  EXPECT_EQ(cron.error().kind, base::ErrorKind::kLimit);
}

}  // namespace
}  // namespace pgvigil::cluster
