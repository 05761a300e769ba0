#include "verdict/lateness.h"

#include <gtest/gtest.h>

#include "unit/cluster/cron_scene.h"

namespace pgvigil::verdict {
namespace {

using cluster::At;
using cluster::CronForm;
using cluster::Parsed;
using std::chrono::hours;
using std::chrono::minutes;

cluster::Schedule ScheduleOf(const char* cron, const char* zone = "UTC") {
  return {"nightly",   Parsed(cron, CronForm::kStatic, cluster::Zone(zone)), std::nullopt, std::nullopt, false,
          std::nullopt};
}

TEST(LatenessTest, DueIsTheFirstSlotAfterTheLastStart) {
  struct Case {
    const char* cron;
    const char* start;
    const char* due;
  };
  for (const auto& [cron, start, due] : {
           Case{"0 2 * * *", "2026-05-05 02:00:00", "2026-05-06 02:00:00"},
           Case{"0 2 * * *", "2026-05-05 02:00:07", "2026-05-06 02:00:00"},
           Case{"0 2 * * *", "2026-05-05 09:00:00", "2026-05-06 02:00:00"},
           Case{"0 2 * * *", "2026-05-06 01:49:59", "2026-05-06 02:00:00"},
           // Up to ten minutes before a slot it is that slot's start,
           Case{"0 2 * * *", "2026-05-06 01:50:00", "2026-05-07 02:00:00"},
           Case{"0 2 * * *", "2026-05-06 01:59:59", "2026-05-07 02:00:00"},
           // or half the interval, if that is less.
           Case{"*/10 * * * *", "2026-05-05 02:04:59", "2026-05-05 02:10:00"},
           Case{"*/10 * * * *", "2026-05-05 02:05:00", "2026-05-05 02:20:00"},
           Case{"*/10 * * * *", "2026-05-05 02:05:01", "2026-05-05 02:20:00"},
           Case{"*/20 * * * *", "2026-05-05 02:09:59", "2026-05-05 02:20:00"},
           Case{"*/20 * * * *", "2026-05-05 02:10:00", "2026-05-05 02:40:00"},
           // The interval is the one that the slot ends: 4 minutes, then 56.
           Case{"0,4 * * * *", "2026-05-05 02:01:59", "2026-05-05 02:04:00"},
           Case{"0,4 * * * *", "2026-05-05 02:02:00", "2026-05-05 03:00:00"},
           Case{"0,4 * * * *", "2026-05-05 02:50:00", "2026-05-05 03:04:00"},
           Case{"@every 1h", "2026-05-05 02:00:07", "2026-05-05 03:00:07"},
           Case{"@every 5m", "2026-05-05 02:00:07", "2026-05-05 02:05:07"},
       }) {
    EXPECT_EQ(JudgeLateness(ScheduleOf(cron), At(start), At(start)).due, At(due)) << cron << " from " << start;
  }
}

TEST(LatenessTest, OverdueIsTheTimeSinceTheDueSlotAndNeverNegative) {
  const auto schedule = ScheduleOf("0 2 * * *");
  const auto start = At("2026-05-05 02:00:03");
  const auto due = At("2026-05-06 02:00:00");
  EXPECT_EQ(JudgeLateness(schedule, start, due - hours(1)).overdue_seconds, 0);
  EXPECT_EQ(JudgeLateness(schedule, start, due).overdue_seconds, 0);
  EXPECT_EQ(JudgeLateness(schedule, start, due + minutes(1)).overdue_seconds, 60);
  EXPECT_EQ(JudgeLateness(schedule, start, due + hours(49)).overdue_seconds, 49 * 3600);  // from the first one missed
  EXPECT_EQ(JudgeLateness(schedule, start, due + hours(49)).due, due);
}

TEST(LatenessTest, ASuspendedScheduleIsNeitherDueNorLate) {
  auto schedule = ScheduleOf("0 2 * * *");
  schedule.suspended = true;
  schedule.created = At("2026-01-01 00:00:00");
  const auto lateness = JudgeLateness(schedule, At("2026-05-05 02:00:00"), At("2026-06-01 00:00:00"));
  EXPECT_FALSE(lateness.due);
  EXPECT_FALSE(lateness.overdue_seconds);
}

TEST(LatenessTest, AStaticScheduleThatNeverRanIsNeitherDueNorLate) {
  const auto lateness = JudgeLateness(ScheduleOf("0 2 * * *"), std::nullopt, At("2026-06-01 00:00:00"));
  EXPECT_FALSE(lateness.due);
  EXPECT_FALSE(lateness.overdue_seconds);
}

TEST(LatenessTest, AScheduledBackupIsDueFromItsCreationOn) {
  auto schedule = ScheduleOf("0 2 * * *");
  schedule.created = At("2026-05-05 01:55:00");
  const auto now = At("2026-05-05 03:00:00");
  // No start: being made just before a slot does not fill it.
  EXPECT_EQ(JudgeLateness(schedule, std::nullopt, now).due, At("2026-05-05 02:00:00"));
  EXPECT_EQ(JudgeLateness(schedule, std::nullopt, now).overdue_seconds, 3600);
  EXPECT_EQ(JudgeLateness(schedule, At("2026-05-04 02:00:00"), now).due, At("2026-05-05 02:00:00"));
  EXPECT_EQ(JudgeLateness(schedule, At("2026-05-05 02:00:00"), now).due, At("2026-05-06 02:00:00"));
}

TEST(LatenessTest, AScheduleThatNeverFiresIsNeverLate) {
  const auto lateness = JudgeLateness(ScheduleOf("0 0 31 2 *"), At("2026-05-05 02:00:00"), At("2027-05-05 02:00:00"));
  EXPECT_FALSE(lateness.due);
  EXPECT_FALSE(lateness.overdue_seconds);
}

TEST(LatenessTest, ClocksThatAreSetMoveTheSlot) {
  const auto schedule = ScheduleOf("30 2 * * *", "Europe/Berlin");
  const auto due = [&](const char* start) { return JudgeLateness(schedule, At(start), At(start)).due; };
  EXPECT_EQ(due("2026-03-27 01:30:02"), At("2026-03-28 01:30:00"));
  EXPECT_EQ(due("2026-03-28 01:30:02"), At("2026-03-30 00:30:00"));  // 02:30 is skipped on the 29th
  EXPECT_EQ(due("2026-10-24 00:30:02"), At("2026-10-25 00:30:00"));
  EXPECT_EQ(due("2026-10-25 00:30:02"), At("2026-10-25 01:30:00"));  // and comes twice on 25 October
}

}  // namespace
}  // namespace pgvigil::verdict
