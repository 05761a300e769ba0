// The section "Lag" of the definitions, sentence by sentence.
#include <gtest/gtest.h>

#include "unit/verdict/scene.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {
namespace {

// The primary writes 1000 bytes a second from 1,000,000 on, read every second.
Scene Busy(int seconds) {
  Scene scene({"p", "s"});
  for (int second = 0; second <= seconds; ++second) {
    scene.Sees("p", PrimaryAt(second, 1'000'000 + 1000ULL * static_cast<unsigned>(second)));
  }
  return scene;
}

TEST(LagTest, IsZeroWhenTheStandbyIsThere) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(10, 1'010'000));
  EXPECT_EQ(scene.Of("s").received->bytes, 0U);
  EXPECT_EQ(scene.Of("s").received->seconds, 0);
  EXPECT_EQ(scene.Of("s").replayed->bytes, 0U);
  EXPECT_EQ(scene.Of("s").replayed->seconds, 0);
}

TEST(LagTest, IsJudgedAtTheMomentTheStandbyWasRead) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(4.5, 1'002'500));  // an answer that was read late
  EXPECT_EQ(scene.Of("s").received->bytes, 2000U);
  EXPECT_NEAR(scene.Of("s").received->seconds, 2, 1e-6);
  EXPECT_FALSE(scene.Of("s").received->seconds_at_least);
}

TEST(LagTest, ReceivedAndReplayedAreMeasuredApart) {
  auto scene = Busy(10);
  auto server = StandbyAt(10, 1'009'000);
  server.facts.replayed = wal::Lsn{1'003'000};
  scene.Sees("s", server);
  EXPECT_EQ(scene.Of("s").received->bytes, 1000U);
  EXPECT_NEAR(scene.Of("s").received->seconds, 1, 1e-6);
  EXPECT_EQ(scene.Of("s").replayed->bytes, 7000U);
  EXPECT_NEAR(scene.Of("s").replayed->seconds, 7, 1e-6);
}

TEST(LagTest, ADifferenceIsClampedAtZero) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(10, 1'020'000));  // read after the primary wrote more
  EXPECT_EQ(scene.Of("s").received->bytes, 0U);
  EXPECT_EQ(scene.Of("s").received->seconds, 0);
}

TEST(LagTest, AnIdlePrimaryMakesNoLag) {
  auto scene = Busy(10);
  for (int second = 11; second <= 1000; ++second) scene.Sees("p", PrimaryAt(second, 1'010'000));
  auto server = StandbyAt(1000, 1'010'000);
  server.facts.last_replayed_commit = ServerTime(5);  // nothing was committed since
  scene.Sees("s", server);
  EXPECT_EQ(scene.Of("s").replayed->seconds, 0);
}

TEST(LagTest, GrowsWithTimeForAStandbyThatIsCutOff) {
  auto scene = Busy(10);
  for (int second = 11; second <= 100; ++second) scene.Sees("p", PrimaryAt(second, 1'011'000));
  scene.Sees("s", CutOffAt(100, 1'010'000));
  EXPECT_EQ(scene.Of("s").received->bytes, 1000U);
  EXPECT_NEAR(scene.Of("s").received->seconds, 90, 1e-6);  // since the primary left 1,010,000
}

TEST(LagTest, BehindTheOldestSampleItIsALowerBound) {
  struct Case {
    const char* description;
    std::optional<double> last_commit;  // the standby's clock
    std::uint64_t received, replayed;
    double received_seconds, replayed_seconds;
  };
  for (const auto& [description, last_commit, received, replayed, received_seconds, replayed_seconds] :
       std::vector<Case>{
           {"since the oldest sample", {}, 900'000, 900'000, 10, 10},
           {"since the last replayed commit, if that is longer", -3600, 900'000, 900'000, 3610, 3610},
           {"since the oldest sample, if that is longer", 7, 900'000, 900'000, 10, 10},
           {"what is received and not replayed may hold later commits", -3600, 950'000, 900'000, 10, 3610},
       }) {
    auto scene = Busy(10);
    auto server = StandbyAt(10, received);
    server.facts.replayed = wal::Lsn{replayed};
    if (last_commit) server.facts.last_replayed_commit = ServerTime(*last_commit);
    scene.Sees("s", server);
    EXPECT_NEAR(scene.Of("s").received->seconds, received_seconds, 1e-6) << description;
    EXPECT_NEAR(scene.Of("s").replayed->seconds, replayed_seconds, 1e-6) << description;
    EXPECT_TRUE(scene.Of("s").received->seconds_at_least) << description;
    EXPECT_EQ(scene.Of("s").replayed->bytes, 1'010'000 - replayed) << description;
  }
}

TEST(LagTest, AStandbyReadBeforeThePrimaryIsMeasuredAgainstItsFirstSample) {
  struct Case {
    std::uint64_t position;
    std::uint64_t bytes;
  };
  for (const auto& [position, bytes] : {Case{1000, 0}, Case{900, 100}}) {
    Scene scene({"p", "s"});
    scene.Sees("s", StandbyAt(0, position)).Sees("p", PrimaryAt(1, 1000));
    ASSERT_TRUE(scene.Of("s").received) << position;
    EXPECT_EQ(scene.Of("s").received->bytes, bytes) << position;
    EXPECT_EQ(scene.Of("s").received->seconds, 0) << position;
  }
}

TEST(LagTest, TheServersClocksAreNeverSubtractedFromOurs) {
  auto scene = Busy(10);
  auto server = StandbyAt(10, 1'005'000);
  server.facts.server_time = ServerTime(90'000);  // a day ahead
  server.facts.last_replayed_commit = ServerTime(89'999);
  scene.Sees("s", server);
  EXPECT_NEAR(scene.Of("s").replayed->seconds, 5, 1e-6);
}

TEST(LagTest, AnApplyDelayIsTakenFromTheSecondsOfReplayAlone) {
  struct Case {
    double delay;
    double replayed_seconds;
  };
  for (const auto& [delay, replayed_seconds] : {Case{0, 6}, Case{4, 2}, Case{60, 0}}) {
    auto scene = Busy(10);
    auto server = StandbyAt(10, 1'004'000);
    server.settings.recovery_min_apply_delay =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(delay));
    scene.Sees("s", server);
    EXPECT_NEAR(scene.Of("s").received->seconds, 6, 1e-6) << delay;
    EXPECT_NEAR(scene.Of("s").replayed->seconds, replayed_seconds, 1e-6) << delay;
    EXPECT_EQ(scene.Of("s").replayed->bytes, 6000U) << delay;
  }
}

TEST(LagTest, IsUnknownBeforeThePrimaryWasReadAndWhileItIsSilent) {
  Scene scene({"p", "s"});
  scene.Sees("s", StandbyAt(0, 1000));
  EXPECT_FALSE(scene.Of("s").received);
  scene.Sees("p", PrimaryAt(1, 1000)).Sees("s", StandbyAt(1, 1000));
  EXPECT_TRUE(scene.Of("s").received);
  scene.Loses("p", 2).Sees("s", StandbyAt(4, 1000));
  EXPECT_TRUE(scene.Of("s").received);  // within what counts as an answer
  scene.Sees("s", StandbyAt(5, 1000));
  EXPECT_FALSE(scene.Of("s").received);  // it may have written anything since
  EXPECT_EQ(scene.Of("s").replication, ReplicationState::kStreaming);
}

TEST(LagTest, AfterAPromotionWhatTheOldPrimaryWroteBeyondTheSwitchIsNoLag) {
  Scene scene({"a", "b", "s"});
  scene.Sees("a", PrimaryAt(0, 1000)).Sees("a", PrimaryAt(10, 9000)).Loses("a", 11);
  auto promoted = PrimaryAt(20, 5100, 100, 2);
  promoted.facts.replayed = wal::Lsn{5000};
  scene.Sees("b", promoted).Sees("s", StandbyAt(20, 5100, 2));
  EXPECT_EQ(scene.Of("s").received->bytes, 0U);
  scene.Sees("s", StandbyAt(20.5, 4000, 1));  // not there yet, and on the path
  EXPECT_EQ(scene.Of("s").received->bytes, 1100U);
}

TEST(LagTest, OfTwoPrimariesTheOneOnTheHigherTimelineIsTheReference) {
  Scene scene({"a", "b", "s"});
  scene.Sees("a", PrimaryAt(0, 9000, 100, 1)).Sees("b", PrimaryAt(1, 5000, 100, 2)).Sees("s", StandbyAt(1, 4000, 2));
  EXPECT_EQ(scene.verdict->primaries, 2);
  EXPECT_EQ(scene.Of("s").received->bytes, 1000U);
}

TEST(LagTest, InAReplicaClusterTheDesignatedPrimarysReceivedPositionIsTheReference) {
  Scene scene({"d", "s"});
  scene.state.replica = true;
  for (int second = 0; second <= 10; second += 5) {
    auto designated = StandbyAt(second, 1'000'000 + 1000ULL * static_cast<unsigned>(second));
    designated.facts.replayed = wal::Lsn{1'000'000};
    designated.facts.walsenders.emplace_back().application_name = "s";
    scene.Sees("d", designated);
  }
  scene.Sees("s", StandbyAt(10, 1'004'000));
  EXPECT_EQ(scene.Of("s").received->bytes, 6000U);
  EXPECT_NEAR(scene.Of("s").received->seconds, 6, 1e-6);
  scene.Sees("s", StandbyAt(24, 1'004'000));  // it is read as seldom as any standby
  EXPECT_TRUE(scene.Of("s").received);
  EXPECT_EQ(scene.Of("d").received->bytes, 0U);
  EXPECT_EQ(scene.Of("d").replayed->bytes, 10'000U);
  EXPECT_FALSE(scene.verdict->rpo_primary);
}

}  // namespace
}  // namespace pgvigil::verdict
