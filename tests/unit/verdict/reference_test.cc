#include "verdict/reference.h"

#include <gtest/gtest.h>

#include "unit/verdict/scene.h"

namespace pgvigil::verdict {
namespace {

std::string Chosen(Scene& scene, double second) {
  const auto reference = FindReference(scene.state, scene.clock, At(second), scene.freshness);
  return reference ? reference->instance->name : "";
}

TEST(ReferenceTest, IsThePrimaryThatAnswers) {
  Scene scene({"a", "b"});
  EXPECT_EQ(Chosen(scene, 0), "");
  scene.Sees("a", StandbyAt(0, 100)).Sees("b", PrimaryAt(0, 100));
  EXPECT_EQ(Chosen(scene, 0), "b");
  scene.Loses("b", 1);
  EXPECT_EQ(Chosen(scene, 1), "");
}

TEST(ReferenceTest, OfTwoPrimariesTheHigherTimelineWins) {
  Scene scene({"a", "b", "c"});
  scene.Sees("a", PrimaryAt(0, 900, 100, 1)).Sees("b", PrimaryAt(0, 500, 100, 2)).Sees("c", PrimaryAt(0, 700, 100, 1));
  EXPECT_EQ(Chosen(scene, 0), "b");
}

TEST(ReferenceTest, OfTwoPrimariesOnOneTimelineTheFirstConfiguredWins) {
  Scene scene({"a", "b"});
  scene.Sees("b", PrimaryAt(0, 900)).Sees("a", PrimaryAt(0, 500));
  EXPECT_EQ(Chosen(scene, 0), "a");
}

TEST(ReferenceTest, AForeignServerIsNone) {
  Scene scene({"a"});
  scene.Sees("a", PrimaryAt(0, 100));
  scene.Instance("a").foreign = true;
  EXPECT_EQ(Chosen(scene, 0), "");
}

TEST(ReferenceTest, AnOldPrimaryThatCameBackIsNone) {
  Scene scene({"a", "b"});
  scene.Sees("b", PrimaryAt(0, 500, 100, 2)).Loses("b", 10).Sees("a", PrimaryAt(11, 900, 100, 1));
  EXPECT_EQ(Chosen(scene, 11), "");
  EXPECT_EQ(scene.clock.newest().timeline, 2U);
}

TEST(ReferenceTest, AnOldPrimaryIsBelievedWhenTheNewOneWasNotSeenForFiveMinutes) {
  Scene scene({"a", "b"});
  scene.Sees("b", PrimaryAt(0, 500, 100, 2)).Loses("b", 10).Sees("a", PrimaryAt(300, 900, 100, 1));
  EXPECT_EQ(Chosen(scene, 300), "");
  scene.Sees("a", PrimaryAt(301, 901, 100, 1));
  EXPECT_EQ(Chosen(scene, 301), "a");
  EXPECT_EQ(scene.clock.newest().timeline, 1U);
}

TEST(ReferenceTest, AnOldPrimaryIsNotBelievedWhileAStandbyFollowsTheNewOne) {
  Scene scene({"a", "b", "c"});
  scene.Sees("b", PrimaryAt(0, 500, 100, 2)).Loses("b", 10);
  scene.Sees("c", StandbyAt(400, 500, 2)).Sees("a", PrimaryAt(400, 900, 100, 1));
  EXPECT_EQ(Chosen(scene, 400), "");
}

TEST(ReferenceTest, InAReplicaClusterIsTheDesignatedPrimary) {
  struct Case {
    const char* description;
    std::uint64_t a, b, c;              // received positions
    std::vector<std::string> fed_by_b;  // application names of its walsenders
    std::string expected;
  };
  for (const auto& [description, a, b, c, fed_by_b, expected] : std::vector<Case>{
           {"the one that no other feeds", 500, 500, 500, {"a", "c"}, "b"},
           {"though one it feeds was read later and is ahead", 600, 500, 500, {"a", "c"}, "b"},
           {"unclear: the one that has received most", 400, 500, 600, {}, "c"},
           {"one of them is certain to be fed", 600, 500, 400, {"a"}, "b"},
       }) {
    Scene scene({"a", "b", "c"});
    scene.state.replica = true;
    auto upstream = StandbyAt(0, b);
    for (const auto& name : fed_by_b) {
      upstream.facts.walsenders.emplace_back().application_name = name;
    }
    scene.Sees("a", StandbyAt(0, a)).Sees("c", StandbyAt(0, c)).Sees("b", upstream);
    EXPECT_EQ(Chosen(scene, 0), expected) << description;
  }
}

TEST(ReferenceTest, ADesignatedPrimaryThatLostItsConnectionKeepsItsTimeline) {
  Scene scene({"a"});
  scene.state.replica = true;
  scene.Sees("a", StandbyAt(0, 500, 2)).Sees("a", CutOffAt(5, 600, 1));  // control data are behind
  EXPECT_EQ(Chosen(scene, 5), "a");
  EXPECT_EQ(scene.clock.newest().timeline, 2U);
  EXPECT_EQ(scene.clock.oldest().flushed, wal::Lsn{500});
}

TEST(ReferenceTest, WithoutAReplicaClusterStandbysAreNone) {
  Scene scene({"a"});
  scene.Sees("a", StandbyAt(0, 100));
  EXPECT_EQ(Chosen(scene, 0), "");
  EXPECT_TRUE(scene.clock.empty());
}

TEST(ReferenceTest, APromotedReplicaClusterFollowsItsPrimary) {
  Scene scene({"a", "b"});
  scene.state.replica = true;
  scene.Sees("a", StandbyAt(0, 500)).Sees("b", StandbyAt(0, 500));
  auto promoted = PrimaryAt(5, 600, 100, 2);
  promoted.facts.replayed = wal::Lsn{500};
  scene.Sees("b", promoted);
  EXPECT_EQ(Chosen(scene, 5), "b");
  EXPECT_EQ(scene.clock.newest().timeline, 2U);
  EXPECT_EQ(scene.clock.PathLeft(1), wal::Lsn{500});
}

TEST(FollowTest, AnAnswerIsTakenOnce) {
  Scene scene({"a"});
  scene.Sees("a", PrimaryAt(0, 100));
  const auto size = scene.clock.size();
  for (int i = 0; i < 3; ++i) Follow(scene.state, At(i), scene.freshness, scene.clock);
  EXPECT_EQ(scene.clock.size(), size);
  EXPECT_EQ(scene.clock.newest_seen(), At(0));
}

TEST(FollowTest, APromotionIsASwitchWhereThePromotedServerStoppedReplaying) {
  Scene scene({"a", "b"});
  scene.Sees("a", PrimaryAt(0, 1000)).Sees("a", PrimaryAt(10, 2000)).Loses("a", 11);
  auto promoted = PrimaryAt(20, 1600, 100, 2);
  promoted.facts.replayed = wal::Lsn{1500};
  scene.Sees("b", promoted);
  EXPECT_EQ(scene.clock.PathLeft(1), wal::Lsn{1500});
  EXPECT_EQ(scene.clock.FlushedAt(At(10)), wal::Lsn{1500});  // what lay beyond is no part of the path
}

TEST(FollowTest, ARestartedPrimaryKeepsTheSwitchThatWasSeenBefore) {
  Scene scene({"b"});
  auto promoted = PrimaryAt(0, 1600, 100, 2);
  promoted.facts.replayed = wal::Lsn{1500};
  scene.Sees("b", promoted);
  EXPECT_EQ(scene.clock.PathLeft(1), wal::Lsn{1500});  // also when it was promoted before we started
  scene.Sees("b", PrimaryAt(10, 1700, 90, 2));         // restarted: no replay position, and an xid was lost
  EXPECT_EQ(scene.clock.PathLeft(1), wal::Lsn{1500});
  EXPECT_EQ(scene.clock.newest().flushed, wal::Lsn{1700});
}

TEST(FollowTest, AnUnknownSwitchDropsOnlyWhatIsProvenToBeBeyond) {
  Scene scene({"a", "b"});
  scene.Sees("a", PrimaryAt(0, 1000)).Sees("a", PrimaryAt(10, 2000)).Loses("a", 11);
  scene.Sees("b", PrimaryAt(20, 1600, 100, 2));
  EXPECT_FALSE(scene.clock.PathLeft(1));
  EXPECT_EQ(scene.clock.FlushedAt(At(0)), wal::Lsn{1000});
  EXPECT_EQ(scene.clock.newest().flushed, wal::Lsn{1600});
}

}  // namespace
}  // namespace pgvigil::verdict
