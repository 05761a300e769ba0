#include <gtest/gtest.h>

#include "cluster/schedule.h"
#include "unit/cluster/cron_scene.h"

namespace pgvigil::cluster {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kNow = "2026-06-03 12:34:56";  // a Wednesday

TEST(CronPeriodTest, IsTheLongestDistanceInTheComingYear) {
  struct Case {
    const char* cron;
    std::optional<seconds> period;
  };
  for (const auto& [text, period] : {
           Case{"0 2 * * *", days(1)},
           Case{"0 2 * * 1-5", days(3)},  // the weekend
           Case{"0 2 1 * *", days(31)},
           Case{"0 2 31 * *", days(61)},  // 31 August to 31 October
           Case{"0 2,8 * * *", hours(18)},
           Case{"0 */6 * * *", hours(6)},
           Case{"0 * * * *", hours(1)},
           Case{"* * * * *", minutes(1)},
           Case{"* * * * * *", seconds(1)},
           Case{"* * * * * SUN", days(6) + seconds(1)},
           Case{"* * 0-11 * * *", hours(12) + seconds(1)},
           Case{"0 2 1 1 *", days(365)},
           Case{"0 2 29 2 *", days(4 * 365 + 1)},  // none within a year: its first two
           Case{"0 2 3 6 *", days(366)},           // 2027 to 2028
           Case{"0 0 31 2 *", std::nullopt},
           Case{"@every 36h", hours(36)},
           Case{"@every 100000h", hours(100000)},
       }) {
    EXPECT_EQ(Parsed(text, CronForm::kStatic).Period(At(kNow)), period) << text;
  }
}

TEST(CronPeriodTest, ClocksThatAreSetCount) {
  const auto zone = Zone("Europe/Berlin");
  EXPECT_EQ(Parsed("30 2 * * *", CronForm::kStatic, zone).Period(At(kNow)), hours(47));  // skipped in March
  EXPECT_EQ(Parsed("0 4 * * *", CronForm::kStatic, zone).Period(At(kNow)), hours(25));   // October
  EXPECT_EQ(Parsed("0 * * * *", CronForm::kStatic, zone).Period(At(kNow)), hours(1));
  EXPECT_EQ(Parsed("* * * * * *", CronForm::kStatic, zone).Period(At(kNow)), seconds(1));
}

// The same by looking at every fire.
TEST(CronPeriodTest, IsWhatEveryFireSays) {
  const auto zone = Zone("America/New_York");
  for (const char* text : {"0 2 * * 1-5", "*/7 1-5 * * *", "15,45 */5 10-20 * *", "1 2 3 */2 MON", "0 0 1,15 * 3",
                           "0 1 * 3,11 0", "*/30 2 8-14 3 *"}) {
    const auto cron = Parsed(text, CronForm::kStatic, zone);
    seconds longest(0);
    auto time = *cron.Next(At(kNow));
    while (time < At(kNow) + days(366)) {
      const auto next = *cron.Next(time);
      longest = std::max(longest, std::chrono::floor<seconds>(next - time));
      time = next;
    }
    EXPECT_EQ(cron.Period(At(kNow)), longest) << text;
  }
}

TEST(ShortestPeriodTest, IsThatOfTheActiveSchedules) {
  const auto schedule = [](const char* cron, bool suspended) {
    return Schedule{"s", Parsed(cron, CronForm::kStatic), std::nullopt, std::nullopt, suspended, std::nullopt};
  };
  EXPECT_EQ(ShortestPeriod({}, At(kNow)), std::nullopt);
  const std::vector<Schedule> some = {schedule("0 2 * * 0", false), schedule("0 2 * * *", false),
                                      schedule("0 * * * *", true), schedule("0 0 31 2 *", false)};
  EXPECT_EQ(ShortestPeriod(some, At(kNow)), days(1));
  EXPECT_EQ(ShortestPeriod(std::vector{schedule("0 2 * * 0", true)}, At(kNow)), std::nullopt);
}

TEST(CronDoubtsTest, FiveFieldsOfAScheduledBackupAreNotWhatCrontabReads) {
  EXPECT_EQ(
      Parsed("0 2 * * *", CronForm::kCloudNativePg).Doubts(At(kNow)),
      std::vector<std::string>{"\"0 2 * * *\" has five fields: CloudNativePG takes the first for seconds, the third "
                               "for hours; if it was meant as in crontab, write \"0 0 2 * * *\""});
}

TEST(CronDoubtsTest, FiresWithinAMinuteAreASlipOfTheFields) {
  for (const char* text : {"* 0 2 * * *", "* 2 * * *", "0,30 0 2 * * *"}) {
    const auto doubts = Parsed(text, CronForm::kStatic).Doubts(At(kNow));
    ASSERT_EQ(doubts.size(), 1U) << text;
    EXPECT_NE(doubts[0].find("fires again after"), std::string::npos) << doubts[0];
  }
}

TEST(CronDoubtsTest, AScheduleThatNeverFiresIsNamed) {
  EXPECT_EQ(Parsed("0 0 31 2 *", CronForm::kStatic).Doubts(At(kNow)),
            std::vector<std::string>{"\"0 0 31 2 *\" does not fire within five years"});
}

TEST(CronDoubtsTest, UsualSchedulesRaiseNone) {
  for (const char* text : {"0 0 2 * * *", "0 2 * * *", "@daily", "@every 30s", "0 0 1 * *", "*/15 * * * *"}) {
    EXPECT_TRUE(Parsed(text, CronForm::kStatic).Doubts(At(kNow)).empty()) << text;
  }
  EXPECT_TRUE(Parsed("0 0 2 * * *", CronForm::kCloudNativePg).Doubts(At(kNow)).empty());
}

}  // namespace
}  // namespace pgvigil::cluster
