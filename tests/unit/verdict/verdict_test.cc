#include "verdict/verdict.h"

#include <gtest/gtest.h>

#include "unit/verdict/scene.h"

namespace pgvigil::verdict {
namespace {

using cluster::Role;

TEST(VerdictTest, RoleAndTimelineAreWhatAnInstanceAnswers) {
  Scene scene({"a", "b", "c"});
  scene.Sees("a", PrimaryAt(0, 100, 100, 3)).Sees("b", StandbyAt(0, 100, 3));
  EXPECT_EQ(scene.Of("a").role, Role::kPrimary);
  EXPECT_EQ(scene.Of("a").timeline, 3U);
  EXPECT_EQ(scene.Of("b").role, Role::kStandby);
  EXPECT_EQ(scene.Of("b").timeline, 3U);
  EXPECT_FALSE(scene.Of("c").role);
  EXPECT_FALSE(scene.Of("c").timeline);
  EXPECT_EQ(scene.verdict->timeline, 3U);
  EXPECT_EQ(scene.verdict->declared, 3);
  EXPECT_EQ(scene.verdict->ready, 2);
}

TEST(VerdictTest, APrimaryHasNeitherReplicationStateNorLag) {
  Scene scene({"a"});
  scene.Sees("a", PrimaryAt(0, 100));
  EXPECT_FALSE(scene.Of("a").replication);
  EXPECT_FALSE(scene.Of("a").received);
  EXPECT_FALSE(scene.Of("a").replayed);
}

TEST(VerdictTest, PrimariesAreKnownOnlyIfEveryInstanceAnsweredOrAPrimaryDid) {
  struct Case {
    const char* description;
    std::string seen;  // per instance: p(rimary), s(tandby), x: does not answer
    bool replica;
    std::optional<int> primaries;
  };
  for (const auto& [description, seen, replica, primaries] : {
           Case{"nobody answers", "xxx", false, std::nullopt},
           Case{"standbys, but one is silent", "ssx", false, std::nullopt},
           Case{"all answer, none is primary", "sss", false, 0},
           Case{"a primary, the rest silent", "pxx", false, 1},
           Case{"all well", "pss", false, 1},
           Case{"two", "pps", false, 2},
           Case{"two, one silent", "ppx", false, 2},
           Case{"a replica cluster expects none", "sss", true, std::nullopt},
           Case{"a replica cluster that was promoted", "pss", true, 1},
       }) {
    Scene scene({"a", "b", "c"});
    scene.state.replica = replica;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      if (seen[i] == 'p') scene.Sees(name, PrimaryAt(0, 100));
      if (seen[i] == 's') scene.Sees(name, StandbyAt(0, 100));
      if (seen[i] == 'x') scene.Loses(name, 0);
    }
    EXPECT_EQ(scene.verdict->primaries, primaries) << description;
  }
}

TEST(VerdictTest, WhatIsOlderThanThreeObservationsIsNoAnswer) {
  Scene scene({"a", "b"});
  scene.Sees("a", PrimaryAt(0, 100)).Sees("b", StandbyAt(0, 100));
  scene.Judge(3);
  EXPECT_TRUE(scene.Of("a").answering);
  scene.Judge(3.1);
  EXPECT_FALSE(scene.Of("a").answering);
  EXPECT_FALSE(scene.Of("a").role);
  EXPECT_FALSE(scene.Of("a").timeline);
  EXPECT_FALSE(scene.verdict->timeline);
  EXPECT_FALSE(scene.verdict->primaries);
  EXPECT_TRUE(scene.Of("b").answering);
  scene.Judge(15.1);
  EXPECT_FALSE(scene.Of("b").answering);
  EXPECT_FALSE(scene.Of("b").replication);
  EXPECT_EQ(scene.verdict->ready, 0);
}

TEST(VerdictTest, AFailedAttemptIsNoAnswerHoweverFreshTheFacts) {
  Scene scene({"a"});
  scene.Sees("a", PrimaryAt(0, 100)).Loses("a", 0.1);
  EXPECT_FALSE(scene.Of("a").answering);
}

TEST(VerdictTest, AServerOfAnotherClusterIsNoPartOfAnyJudgement) {
  Scene scene({"a", "b"});
  scene.Sees("a", PrimaryAt(0, 1000)).Instance("b").foreign = true;
  scene.Sees("b", StandbyAt(0, 1000));
  EXPECT_FALSE(scene.Of("b").role);
  EXPECT_EQ(scene.verdict->rpo_primary->bytes, std::numeric_limits<double>::infinity());
}

TEST(VerdictTest, OnThePageWhatWentStaleSinceIsUnknown) {
  Scene scene({"a", "b"});
  auto primary = PrimaryAt(0, 100);
  primary.facts.synchronous_standby_names = "b";
  scene.Sees("b", StandbyAt(0, 100)).Sees("a", primary);
  ASSERT_EQ(scene.verdict->primaries, 1);

  const auto soon = At(*scene.verdict, verdict::At(2));
  EXPECT_EQ(soon.primaries, 1);
  EXPECT_EQ(soon.sync_required, 1);

  const auto later = At(*scene.verdict, verdict::At(10));
  EXPECT_FALSE(later.instances[0].role);
  EXPECT_TRUE(later.instances[1].role);
  EXPECT_EQ(later.ready, 1);
  EXPECT_FALSE(later.primaries);
  EXPECT_FALSE(later.timeline);
  EXPECT_FALSE(later.sync_required);
  EXPECT_FALSE(later.sync_streaming);
  EXPECT_FALSE(later.sync_waiters);
  EXPECT_TRUE(later.rpo_primary);  // held

  const auto much_later = At(*scene.verdict, verdict::At(301));
  EXPECT_FALSE(much_later.instances[1].replication);
  EXPECT_FALSE(much_later.instances[1].received);
  EXPECT_EQ(much_later.ready, 0);
  EXPECT_FALSE(much_later.rpo_primary);
}

TEST(VerdictTest, SynchronousStandbysAreThoseAskedForAndThoseThatStream) {
  struct Sender {
    const char* state;
    const char* sync_state;
  };
  struct Case {
    const char* description;
    const char* names;
    std::vector<Sender> senders;
    std::optional<int> required;
    int streaming;
  };
  for (const auto& [description, names, senders, required, streaming] : std::vector<Case>{
           {"none asked for", "", {{"streaming", "async"}}, 0, 0},
           {"one, there", "FIRST 1 (a, b)", {{"streaming", "sync"}, {"streaming", "potential"}}, 1, 1},
           {"a quorum counts each", "ANY 1 (a, b)", {{"streaming", "quorum"}, {"streaming", "quorum"}}, 1, 2},
           {"one that catches up is not there", "ANY 2 (*)", {{"streaming", "quorum"}, {"catchup", "quorum"}}, 2, 1},
           {"gone", "a", {}, 1, 0},
           {"a setting nobody can read", "FIRST x", {}, std::nullopt, 0},
       }) {
    auto primary = PrimaryAt(0, 100);
    primary.facts.synchronous_standby_names = names;
    primary.facts.sync_rep_waiters = 7;
    for (const auto& sender : senders) {
      auto& walsender = primary.facts.walsenders.emplace_back();
      walsender.state = sender.state;
      walsender.sync_state = sender.sync_state;
    }
    Scene scene({"a"});
    scene.Sees("a", primary);
    EXPECT_EQ(scene.verdict->sync_required, required) << description;
    EXPECT_EQ(scene.verdict->sync_streaming, streaming) << description;
    EXPECT_EQ(scene.verdict->sync_waiters, 7) << description;
  }
}

TEST(VerdictTest, WithoutAPrimaryNothingIsKnownOfSynchronousStandbys) {
  Scene scene({"a"});
  scene.Sees("a", StandbyAt(0, 100));
  EXPECT_FALSE(scene.verdict->sync_required);
  EXPECT_FALSE(scene.verdict->sync_streaming);
  EXPECT_FALSE(scene.verdict->sync_waiters);
}

TEST(VerdictTest, AWalsenderThatCatchesUpShowsOnItsStandby) {
  auto primary = PrimaryAt(0, 100);
  for (const auto& [name, state] : {std::pair{"b", "catchup"}, std::pair{"c", "streaming"}}) {
    auto& sender = primary.facts.walsenders.emplace_back();
    sender.application_name = name;
    sender.state = state;
  }
  Scene scene({"a", "b", "c"});
  scene.Sees("a", primary).Sees("b", StandbyAt(0, 50)).Sees("c", StandbyAt(0, 100));
  EXPECT_EQ(scene.Of("b").replication, ReplicationState::kCatchingUp);
  EXPECT_EQ(scene.Of("c").replication, ReplicationState::kStreaming);
}

TEST(VerdictTest, ArchiveRecoveryIsReplayThatAdvancesWithoutAReceiver) {
  const auto from_archive = [](double second, std::uint64_t position) {
    auto server = CutOffAt(second, position);
    server.settings.restore_command_set = true;
    return server;
  };
  Scene scene({"a"});
  scene.Sees("a", from_archive(0, 100));
  EXPECT_EQ(scene.Of("a").replication, ReplicationState::kDisconnected);  // nothing advanced yet
  scene.Sees("a", from_archive(5, 200));
  EXPECT_EQ(scene.Of("a").replication, ReplicationState::kArchiveRecovery);
  scene.Sees("a", from_archive(300, 200));
  EXPECT_EQ(scene.Of("a").replication, ReplicationState::kArchiveRecovery);
  scene.Loses("a", 301);
  scene.Sees("a", from_archive(304, 200));
  EXPECT_EQ(scene.Of("a").replication, ReplicationState::kArchiveRecovery);  // a failed look changes nothing
  scene.Sees("a", from_archive(306, 200));
  EXPECT_EQ(scene.Of("a").replication, ReplicationState::kDisconnected);
}

TEST(VerdictTest, ASlowArchiveGetsTwiceItsTimeout) {
  Scene scene({"a"});
  const auto see = [&](double second, std::uint64_t position) {
    auto server = CutOffAt(second, position);
    server.settings.restore_command_set = true;
    server.settings.archive_timeout = std::chrono::minutes(30);
    scene.Sees("a", server);
    return scene.Of("a").replication;
  };
  see(0, 100);
  see(5, 200);
  EXPECT_EQ(see(3605, 200), ReplicationState::kArchiveRecovery);
  EXPECT_EQ(see(3606, 200), ReplicationState::kDisconnected);
}

TEST(VerdictTest, ReplayBeforeARestartIsNoEvidenceAfterIt) {
  Scene scene({"a"});
  auto server = CutOffAt(0, 100);
  server.settings.restore_command_set = true;
  scene.Sees("a", server);
  server.facts.postmaster_start = ServerTime(3);
  server.facts.received = At(5);
  server.facts.replayed = wal::Lsn{200};
  scene.Sees("a", server);
  EXPECT_EQ(scene.Of("a").replication, ReplicationState::kDisconnected);
}

// One timeline after another: a is the primary until second 10, b is promoted at position 1500.
Scene Promoted() {
  Scene scene({"a", "b", "c"});
  scene.Sees("a", PrimaryAt(0, 1000)).Sees("a", PrimaryAt(10, 2000)).Loses("a", 11);
  auto promoted = PrimaryAt(20, 1600, 100, 2);
  promoted.facts.replayed = wal::Lsn{1500};
  scene.Sees("b", promoted);
  return scene;
}

TEST(DivergedTest, IsBeyondTheSwitchOnAnotherTimelineAndHasNoLag) {
  struct Case {
    const char* description;
    Server server;
    bool diverged;
  };
  for (const auto& [description, server, diverged] : std::vector<Case>{
           {"follows the new primary", StandbyAt(20, 1600, 2), false},
           {"on the old timeline, before the switch: just behind", StandbyAt(20, 1400, 1), false},
           {"on the old timeline, at the switch", StandbyAt(20, 1500, 1), false},
           {"on the old timeline, beyond the switch", StandbyAt(20, 1800, 1), true},
           {"the old primary came back as a standby, with no connection", CutOffAt(20, 2000, 1), true},
           {"on a timeline nobody else knows", StandbyAt(20, 1550, 3), true},
       }) {
    auto scene = Promoted();
    scene.Sees("c", server);
    EXPECT_EQ(scene.Of("c").replication == ReplicationState::kDiverged, diverged) << description;
    EXPECT_EQ(scene.Of("c").received.has_value(), !diverged) << description;
    EXPECT_EQ(scene.Of("c").replayed.has_value(), !diverged) << description;
  }
}

TEST(DivergedTest, StaysSoWhileThePrimaryIsSilent) {
  auto scene = Promoted();
  scene.Sees("c", CutOffAt(20, 2000, 1)).Loses("b", 21).Sees("c", CutOffAt(25, 2000, 1));
  EXPECT_EQ(scene.Of("c").replication, ReplicationState::kDiverged);
}

TEST(DivergedTest, AConnectionThatEndedDoesNotTakeTheTimelineBack) {
  auto scene = Promoted();
  scene.Sees("c", StandbyAt(20, 1600, 2));
  scene.Sees("c", CutOffAt(25, 1600, 1));  // control data follow only with the next restart point
  EXPECT_EQ(scene.Of("c").replication, ReplicationState::kDisconnected);
  EXPECT_EQ(scene.Of("c").timeline, 2U);
  auto restarted = CutOffAt(30, 2000, 1);  // set back to an old copy, say
  restarted.facts.postmaster_start = ServerTime(28);
  scene.Sees("c", restarted);
  EXPECT_EQ(scene.Of("c").replication, ReplicationState::kDiverged);
}

TEST(DivergedTest, IsNotReadOffControlDataWhileAnArchiveFeedsTheStandby) {
  auto scene = Promoted();
  const auto see = [&](double second, std::uint64_t position) {
    auto server = CutOffAt(second, position, 1);
    server.settings.restore_command_set = true;
    server.settings.checkpoint_timeout = std::chrono::minutes(5);
    scene.Sees("b", PrimaryAt(second, 5000, 100, 2)).Sees("c", server);
    return scene.Of("c").replication;
  };
  see(20, 1400);
  EXPECT_EQ(see(25, 1700), ReplicationState::kArchiveRecovery);
  EXPECT_EQ(see(625, 1700), ReplicationState::kDisconnected);
  EXPECT_EQ(see(626, 1700), ReplicationState::kDiverged);  // two restart points later they would have followed
}

TEST(DivergedTest, IsReadOffControlDataThatAreAheadOfThePrimary) {
  auto scene = Promoted();
  for (const std::uint64_t position : {1600U, 1700U}) {
    auto server = CutOffAt(20 + static_cast<double>(position) / 1000, position, 3);
    server.settings.restore_command_set = true;
    scene.Sees("c", server);
  }
  EXPECT_EQ(scene.Of("c").replication, ReplicationState::kDiverged);  // though it follows some archive
}

}  // namespace
}  // namespace pgvigil::verdict
