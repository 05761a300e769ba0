// The section "RPO now" of the definitions, as far as the loss of the primary goes, sentence by sentence.
#include <gtest/gtest.h>

#include <limits>

#include "unit/verdict/scene.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// The primary commits all the time: 1000 bytes and an xid a second.
Server BusyPrimaryAt(int second) {
  return PrimaryAt(second, 1'000'000 + 1000ULL * static_cast<unsigned>(second), 100 + static_cast<unsigned>(second));
}

Scene Busy(int seconds) {
  Scene scene({"p", "s", "t"});
  for (int second = 0; second <= seconds; ++second) scene.Sees("p", BusyPrimaryAt(second));
  return scene.Loses("s", seconds).Loses("t", seconds);
}

TEST(PrimaryLossTest, IsWhatTheBestEligibleStandbyDoesNotHave) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(10, 1'002'000)).Sees("t", StandbyAt(10, 1'007'000));
  ASSERT_TRUE(scene.verdict->rpo_primary);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 3000);
  EXPECT_EQ(scene.verdict->rpo_primary->seconds, 2);  // from second 8 on, the first with a new xid beyond 1,007,000
}

TEST(PrimaryLossTest, IsZeroWhenOneStandbyHasEverything) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(10, 1'002'000)).Sees("t", StandbyAt(10, 1'010'000));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 0);
  EXPECT_EQ(scene.verdict->rpo_primary->seconds, 0);
}

TEST(PrimaryLossTest, IsJudgedAtTheMomentTheStandbyWasRead) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(7, 1'007'000));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 0);
}

TEST(PrimaryLossTest, WhatIsReceivedCountsThoughItIsNotReplayed) {
  struct Case {
    const char* description;
    cluster::PauseState pause;
    std::chrono::milliseconds delay;
    bool cut_off;
  };
  for (const auto& [description, pause, delay, cut_off] :
       {Case{"paused", cluster::PauseState::kPaused, {}, false},
        Case{"delayed", cluster::PauseState::kNotPaused, std::chrono::hours(1), false},
        Case{"disconnected", cluster::PauseState::kNotPaused, {}, true}}) {
    auto scene = Busy(10);
    auto server = cut_off ? CutOffAt(10, 1'010'000) : StandbyAt(10, 1'010'000);
    server.facts.replayed = wal::Lsn{1000};
    server.facts.pause = pause;
    server.settings.recovery_min_apply_delay = delay;
    scene.Sees("s", server);
    EXPECT_EQ(scene.verdict->rpo_primary->bytes, 0) << description;
  }
}

TEST(PrimaryLossTest, IsUnboundedWithoutAnEligibleStandby) {
  struct Case {
    const char* description;
    std::optional<Server> standby;  // absent: does not answer
  };
  for (const auto& [description, standby] : std::vector<Case>{
           {"nobody else answers", {}},
           {"a diverged standby is none", StandbyAt(20, 1'900'000, 1)},
           {"nor is one without a position",
            [] {
              auto server = StandbyAt(20, 0, 2);
              server.facts.received_lsn.reset();
              server.facts.replayed.reset();
              server.facts.receiver.reset();
              return server;
            }()},
       }) {
    auto scene = Busy(10);
    scene.Loses("p", 11);
    auto promoted = PrimaryAt(20, 1'010'000, 200, 2);
    promoted.facts.replayed = wal::Lsn{1'005'000};
    scene.Sees("t", promoted);
    if (standby) scene.Sees("s", *standby);
    ASSERT_TRUE(scene.verdict->rpo_primary) << description;
    EXPECT_EQ(scene.verdict->rpo_primary->bytes, kUnbounded) << description;
    EXPECT_EQ(scene.verdict->rpo_primary->seconds, kUnbounded) << description;
  }
}

TEST(PrimaryLossTest, AStandbyThatStoppedAnsweringIsNotEligible) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(10, 1'010'000)).Loses("s", 10.5);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, kUnbounded);
}

TEST(PrimaryLossTest, AStandbyBeforeTheSwitchOnTheOldTimelineIsEligible) {
  Scene scene({"a", "b", "s"});
  scene.Sees("a", PrimaryAt(0, 1000)).Loses("a", 1);
  auto promoted = PrimaryAt(10, 1600, 100, 2);
  promoted.facts.replayed = wal::Lsn{1500};
  scene.Sees("b", promoted).Sees("s", StandbyAt(10, 1400, 1));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 200);
}

TEST(PrimaryLossTest, IsAbsentUntilEveryInstanceWasTriedOnce) {
  Scene scene({"p", "s"});
  scene.Sees("p", PrimaryAt(0, 1000));
  EXPECT_FALSE(scene.verdict->rpo_primary);  // not +Inf: the standby was not asked yet
  scene.Loses("s", 0.5);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, kUnbounded);
}

TEST(PrimaryLossTest, AClusterOfOneLosesEverything) {
  Scene scene({"p"});
  scene.Sees("p", PrimaryAt(0, 1000));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, kUnbounded);
}

TEST(PrimaryLossTest, AnIdlePrimaryHasNoSecondsThoughBytesStayAsTheyAre) {
  Scene scene({"p", "s"});
  for (int second = 0; second <= 600; ++second) {
    scene.Sees("p", PrimaryAt(second, 1000 + static_cast<unsigned>(second)));  // running xacts, no commits
  }
  scene.Sees("s", CutOffAt(600, 1000));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 600);
  EXPECT_EQ(scene.verdict->rpo_primary->seconds, 0);
}

TEST(PrimaryLossTest, SecondsCountFromTheFirstSampleWithSomethingToLose) {
  struct Case {
    const char* description;
    std::uint64_t jump;  // bytes written at second 5
    std::uint64_t xids;  // given out at second 5
    double seconds;
  };
  for (const auto& [description, jump, xids, seconds] : {
           Case{"an xid", 0, 1, 15},
           Case{"more than 64 KiB", (64 << 10) + 1, 0, 15},
           Case{"neither", 1000, 0, 0},
       }) {
    Scene scene({"p", "s"});
    for (int second = 0; second <= 20; ++second) {
      const bool after = second >= 5;
      const std::uint64_t trickle = static_cast<unsigned>(second);
      scene.Sees("p", PrimaryAt(second, 1000 + trickle + (after ? jump : 0), 100 + (after ? xids : 0)));
    }
    scene.Sees("s", CutOffAt(20, 1000));
    EXPECT_EQ(scene.verdict->rpo_primary->seconds, seconds) << description;
    EXPECT_EQ(scene.verdict->rpo_primary->bytes, static_cast<double>(20 + jump)) << description;
  }
}

TEST(PrimaryLossTest, WhatBeganAfterTheStandbyWasReadHasNoSecondsYet) {
  Scene scene({"p", "s"});
  scene.Sees("p", PrimaryAt(0, 1000, 100)).Sees("p", PrimaryAt(10, 3000, 101)).Sees("s", StandbyAt(5, 1500));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 500);
  EXPECT_EQ(scene.verdict->rpo_primary->seconds, 0);
}

TEST(PrimaryLossTest, BehindTheOldestSampleTheLastReplayedCommitBoundsIt) {
  auto scene = Busy(10);
  auto server = CutOffAt(10, 500'000);
  server.facts.last_replayed_commit = ServerTime(-3590);
  scene.Sees("s", server);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 510'000);
  EXPECT_NEAR(scene.verdict->rpo_primary->seconds, 3600, 1e-6);
}

TEST(PrimaryLossTest, AStandbyReadBeforeTheFirstSampleIsNotTakenForOneThatHasEverything) {
  Scene scene({"p", "s"});
  scene.Loses("p", 0);
  auto standby = StandbyAt(0, 1'000'000);
  standby.facts.last_replayed_commit = ServerTime(-20);
  scene.Sees("s", standby).Sees("p", PrimaryAt(0.1, 1'000'000'000));
  ASSERT_TRUE(scene.verdict->rpo_primary);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 999'000'000);
  EXPECT_EQ(scene.verdict->rpo_primary->seconds, 20) << "at least since its last commit";
}

TEST(PrimaryLossTest, IsHeldForFiveMinutesAfterThePrimarysLastAnswer) {
  auto scene = Busy(10);
  scene.Sees("s", StandbyAt(10, 1'007'000)).Loses("p", 11);
  for (const double second : {11.0, 100.0, 310.0}) {
    scene.Sees("s", StandbyAt(second, 1'009'000));  // what it receives later changes nothing
    ASSERT_TRUE(scene.verdict->rpo_primary) << second;
    EXPECT_EQ(scene.verdict->rpo_primary->bytes, 3000) << second;
  }
  scene.Judge(310.5);
  EXPECT_FALSE(scene.verdict->rpo_primary);
  scene.Sees("p", BusyPrimaryAt(400)).Sees("s", StandbyAt(400, 1'400'000));
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 0);
}

TEST(PrimaryLossTest, WithoutAPrimaryEverSeenIsAbsent) {
  Scene scene({"p", "s"});
  scene.Loses("p", 0).Sees("s", StandbyAt(0, 1000));
  EXPECT_FALSE(scene.verdict->rpo_primary);
}

TEST(PrimaryLossTest, AnOldPrimaryThatCameBackDoesNotSpeakForTheCluster) {
  Scene scene({"a", "b", "s"});
  scene.Sees("a", PrimaryAt(0, 1000)).Loses("a", 1);
  auto promoted = PrimaryAt(10, 1600, 100, 2);
  promoted.facts.replayed = wal::Lsn{1000};
  scene.Sees("b", promoted).Sees("s", StandbyAt(10, 1600, 2)).Loses("b", 11);
  scene.Sees("a", PrimaryAt(12, 1200, 100, 1)).Sees("s", StandbyAt(12, 1600, 2));
  EXPECT_EQ(scene.verdict->primaries, 1);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, 0);  // held
  EXPECT_EQ(scene.Of("s").replication, ReplicationState::kStreaming);
}

}  // namespace
}  // namespace pgvigil::verdict
