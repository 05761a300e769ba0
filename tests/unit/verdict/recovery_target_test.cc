// What status and audit tell a person to type.
#include "verdict/recovery_target.h"

#include <gtest/gtest.h>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::verdict {
namespace {

const base::WallTime kStart = base::WallTime(std::chrono::seconds(1'795'416'622)) + std::chrono::microseconds(123456);

TEST(RecoveryTargetTest, TheStartIsTheMomentTheBackupEnded) {
  EXPECT_EQ(StartTarget(kStart, true), "recovery_target_time = '2026-11-23 06:50:22.123456+00'");
}

TEST(RecoveryTargetTest, WhoWritesWholeSecondsMayHaveEndedWithin) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(kStart);
  EXPECT_EQ(StartTarget(whole, true), "recovery_target_time = '2026-11-23 06:50:23+00'");
}

TEST(RecoveryTargetTest, WithoutACommitBehindItATimeWouldBeFatal) {
  EXPECT_EQ(StartTarget(kStart, false), "recovery_target = 'immediate'");
  EXPECT_EQ(StartTarget({}, true), "recovery_target = 'immediate'");
}

TEST(RecoveryTargetTest, TheEndIsHadWithoutATarget) {
  auto store = Store().Has(1, 1, 9).With(BackupOf("b", 1, 1.2, 2.5));
  const auto judged = store.Judged();
  const auto target = [&] { return EndTarget(store.contents.wal, judged, judged.windows.at(0)); };
  EXPECT_EQ(target(), "no target: to the end of WAL");
  store.contents.wal.bad[{1, 10}] = {1000, Hour(1), {}};
  EXPECT_EQ(target(),
            "no target: to the end of WAL, once 00000001000000000000000A is out of the archive: recovery fails at it");
  store.contents.wal.bad[{1, 10}].damage = "it does not begin as WAL does";
  EXPECT_EQ(target(), "no target: to the end of WAL") << "PostgreSQL takes it for the end";
}

TEST(RecoveryTargetTest, TheTimelineIsNamedOnlyWhereTheLatestIsNotMeant) {
  Store store;
  store.Has(1, 10, 20).With(BackupOf("a", 1, 11, 12));
  auto verdict = store.Judged({1, {}});
  EXPECT_FALSE(TimelineTarget(verdict, verdict.windows.at(0)));
  store.Has(3, 20).History(3, {{1, 19.5}});
  verdict = store.Judged({1, {}});
  EXPECT_EQ(TimelineTarget(verdict, verdict.windows.at(0)), "recovery_target_timeline = '1'") << "latest would be 3";
}

TEST(RecoveryTargetTest, AHistoryThatCannotBeReadIsNotFollowed) {
  const auto verdict = Store()
                           .Has(1, 10, 14)
                           .Has(2, 15, 20)
                           .Has(3, 20, 22)
                           .History(2, {{1, 15}})
                           .UnreadableHistory(3)
                           .With(BackupOf("a", 1, 11, 12))
                           .Judged({3, {}});
  EXPECT_EQ(TimelineTarget(verdict, verdict.windows.at(0)), "recovery_target_timeline = '2'");
}

}  // namespace
}  // namespace pgvigil::verdict
