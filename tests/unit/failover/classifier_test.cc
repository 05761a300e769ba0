#include "failover/classifier.h"

#include <gtest/gtest.h>

#include "../verdict/scene.h"

namespace pgvigil::failover {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using cluster::SessionEnd;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using verdict::At;
using verdict::PrimaryAt;
using verdict::Server;
using verdict::ServerTime;
using verdict::StandbyAt;

constexpr const char* kIdentifier = "7000000000000000001";

// Our clock, which is neither a server's nor steady.
base::WallTime Wall(double second) { return ServerTime(second) + std::chrono::hours(1); }

// What the observer sees of three servers, told as it goes.
class Watch {
 public:
  explicit Watch(bool replica = false) : scene_({"one", "two", "three"}) {
    scene_.state.name = {"", "orders"};
    scene_.state.replica = replica;
  }

  Watch& Sees(const std::string& name, Server server) {
    server.facts.system_identifier = kIdentifier;
    server.facts.observed = Wall(base::Seconds(server.facts.received - At(0)));
    scene_.Sees(name, server);
    return Classify(base::Seconds(server.facts.received - At(0)));
  }
  // A promoted server: its replay position stays at the switch.
  Watch& SeesPromoted(const std::string& name, double second, std::uint64_t flushed, std::uint64_t switched,
                      std::uint32_t timeline = 2) {
    auto server = PrimaryAt(second, flushed, 100, timeline);
    server.facts.replayed = wal::Lsn{switched};
    return Sees(name, server);
  }
  Watch& Ends(const std::string& name, double second, const std::string& sqlstate = "", bool ordered = false) {
    scene_.Instance(name).ended = SessionEnd{At(second), Wall(second), sqlstate, ordered, false, false};
    scene_.Loses(name, second);
    return Classify(second);
  }
  Watch& IsRefused(const std::string& name, double second, bool starting = false) {
    scene_.Instance(name).ended->tried = true;
    scene_.Instance(name).ended->starting |= starting;
    scene_.Loses(name, second);
    return Classify(second);
  }
  Watch& IsDown(const std::string& name, double second) {
    scene_.Loses(name, second);
    return Classify(second);
  }
  // Another process takes over: what is known of the primary is what the journal kept.
  Watch& RestartsTheExporter() {
    if (primary_) primary_->steady.reset();
    scene_.clock = {};
    for (auto& instance : scene_.state.instances) instance = {instance.name, {}, {}, {}, {}, false};
    return *this;
  }

  const std::vector<FailoverEvent>& events() const { return events_; }
  const std::optional<PrimarySeen>& primary() const { return primary_; }
  const FailoverEvent& only() const {
    EXPECT_EQ(events_.size(), 1U);
    static const FailoverEvent kNone;
    return events_.empty() ? kNone : events_.front();
  }
  verdict::Scene& scene() { return scene_; }

 private:
  Watch& Classify(double second) {
    std::optional<std::size_t> index;
    if (const auto reference = verdict::FindReference(scene_.state, scene_.clock, At(second), scene_.freshness))
      index = static_cast<std::size_t>(reference->instance - scene_.state.instances.data());
    auto told = failover::Classify(primary_, scene_.state, index, scene_.clock, Wall(second));
    primary_ = told.primary;
    for (auto& event : told.events) events_.push_back(std::move(event));
    return *this;
  }

  verdict::Scene scene_;
  std::optional<PrimarySeen> primary_;
  std::vector<FailoverEvent> events_;
};

Watch Settled() {
  Watch watch;
  watch.Sees("one", PrimaryAt(0, 1000)).Sees("two", StandbyAt(0, 1000)).Sees("three", StandbyAt(0, 1000));
  watch.Sees("one", PrimaryAt(1, 2000));
  return watch;
}

TEST(ClassifierTest, AQuietClusterTellsNothing) {
  auto watch = Settled();
  for (int second = 2; second < 30; ++second) watch.Sees("one", PrimaryAt(second, 2000 + second));
  EXPECT_TRUE(watch.events().empty());
  EXPECT_EQ(watch.primary()->instance, "one");
  EXPECT_EQ(watch.primary()->flushed, wal::Lsn{2029});
}

TEST(ClassifierTest, APrimaryThatVanishedBeforeTheTimelineRoseIsAFailover) {
  auto watch = Settled();
  watch.Ends("one", 1.5).IsRefused("one", 2).SeesPromoted("two", 9.8, 1900, 1500);
  const auto& event = watch.only();
  EXPECT_EQ(event.kind, FailoverKind::kFailover);
  EXPECT_EQ(event.from, "one");
  EXPECT_EQ(event.to, "two");
  EXPECT_EQ(event.timeline, 2U);
  EXPECT_EQ(event.switch_lsn, wal::Lsn{1500});
  EXPECT_EQ(event.last_good, Wall(1));
  EXPECT_EQ(event.serving, Wall(9.8));
  EXPECT_EQ(event.outage, microseconds(8'800'000));
  EXPECT_EQ(event.lost_bytes, 500U);
  EXPECT_EQ(event.sample_age, microseconds(500'000));
  EXPECT_EQ(event.identity, "promotion/7000000000000000001//orders/2/0/5DC");
}

TEST(ClassifierTest, ACleanShutdownBeforeThePromotionIsASwitchover) {
  auto watch = Settled();
  watch.Ends("one", 1.5, "57P01", true).IsRefused("one", 1.8).SeesPromoted("two", 3, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kSwitchover);
  EXPECT_EQ(watch.only().lost_bytes, 0U);
  EXPECT_FALSE(watch.only().sample_age);
  EXPECT_EQ(watch.only().outage, microseconds(2'000'000));
}

TEST(ClassifierTest, WhatWasWrittenBeyondTheSwitchMakesItAFailoverWhateverTheServerSaid) {
  auto watch = Settled();
  watch.Ends("one", 1.5, "57P01", true).IsRefused("one", 1.8).SeesPromoted("two", 3, 2600, 1999);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
  EXPECT_EQ(watch.only().lost_bytes, 1U);
}

TEST(ClassifierTest, AnImmediateShutdownIsAFailover) {
  auto watch = Settled();
  watch.Ends("one", 1.5, "57P01", false).IsRefused("one", 1.8).SeesPromoted("two", 3, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
  EXPECT_EQ(watch.only().lost_bytes, 0U);
}

TEST(ClassifierTest, AnEndThatWasNotTriedYetIsWaitedFor) {
  auto watch = Settled();
  watch.Ends("one", 1.5, "57P01", true).SeesPromoted("two", 1.6, 2600, 2500);
  EXPECT_TRUE(watch.events().empty());
  EXPECT_EQ(watch.primary()->instance, "one");
  watch.IsRefused("one", 1.75);
  EXPECT_EQ(watch.only().kind, FailoverKind::kSwitchover);
  EXPECT_EQ(watch.primary()->instance, "two");
}

TEST(ClassifierTest, ASessionThatWasEndedAndCameBackIsNoShutdown) {
  auto watch = Settled();
  watch.Ends("one", 1.5, "57P01", true).Sees("one", PrimaryAt(1.8, 2100));
  EXPECT_TRUE(watch.events().empty());
  watch.Ends("one", 3).IsRefused("one", 3.3).SeesPromoted("two", 9, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover) << "the end of the session before says nothing of this one";
}

TEST(ClassifierTest, AHungPrimaryIsOneThatIsAway) {
  auto watch = Settled();
  watch.Ends("one", 3).SeesPromoted("two", 30, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
  EXPECT_EQ(watch.only().sample_age, microseconds(2'000'000));
}

TEST(ClassifierTest, APromotionBesideAPrimaryThatStillAnswersIsAFailover) {
  auto watch = Settled();
  watch.SeesPromoted("two", 2, 2600, 1500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
  EXPECT_EQ(watch.only().lost_bytes, 500U);
  watch.Sees("one", PrimaryAt(2.5, 2100)).SeesPromoted("two", 3, 2700, 1500);
  EXPECT_EQ(watch.events().size(), 1U) << "the old one on the lower timeline is not the cluster's primary any more";
}

TEST(ClassifierTest, ARestartIsToldOnceByItsNewPostmaster) {
  auto watch = Settled();
  watch.Ends("one", 1.5, "57P01", true).IsRefused("one", 1.8, true);
  auto again = PrimaryAt(4, 2100);
  again.facts.postmaster_start = ServerTime(3.5);
  watch.Sees("one", again);
  EXPECT_EQ(watch.only().kind, FailoverKind::kRestart);
  EXPECT_EQ(watch.only().outage, microseconds(3'000'000));
  EXPECT_FALSE(watch.only().lost_bytes);
  again.facts.received = At(5);
  watch.Sees("one", again);
  EXPECT_EQ(watch.events().size(), 1U);
}

TEST(ClassifierTest, ABackendThatWasKilledIsACrashOfTheSamePostmaster) {
  struct Case {
    const char* description;
    const char* sqlstate;
    bool starting;
    std::size_t events;
  };
  for (const auto& [description, sqlstate, starting, events] :
       {Case{"the server said that another process crashed", "57P02", false, 1},
        Case{"it said nothing and was in recovery", "", true, 1}, Case{"a network that was cut", "", false, 0},
        Case{"one session was terminated", "57P01", false, 0}}) {
    auto watch = Settled();
    watch.Ends("one", 1.5, sqlstate).IsRefused("one", 1.8, starting).Sees("one", PrimaryAt(2.5, 2100));
    ASSERT_EQ(watch.events().size(), events) << description;
    if (events > 0) {
      EXPECT_EQ(watch.only().kind, FailoverKind::kCrash) << description;
    }
    watch.Sees("one", PrimaryAt(3.5, 2200));
    EXPECT_EQ(watch.events().size(), events) << description << ": told again";
  }
}

TEST(ClassifierTest, TwoFailoversInARowAreTwo) {
  auto watch = Settled();
  watch.Ends("one", 1.5).IsRefused("one", 2).SeesPromoted("two", 5, 2600, 1500);
  watch.Ends("two", 6).IsRefused("two", 6.2).SeesPromoted("three", 9, 2900, 2500, 3);
  ASSERT_EQ(watch.events().size(), 2U);
  EXPECT_EQ(watch.events()[1].from, "two");
  EXPECT_EQ(watch.events()[1].to, "three");
  EXPECT_EQ(watch.events()[1].lost_bytes, 100U);
}

TEST(ClassifierTest, OfTwoPromotionsBetweenTwoLooksTheLossIsNotKnown) {
  auto watch = Settled();
  watch.Ends("one", 1.5).IsRefused("one", 2).SeesPromoted("three", 9, 2900, 2500, 3);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
  EXPECT_FALSE(watch.only().lost_bytes) << "where the path left timeline 1 is known to nobody";
}

TEST(ClassifierTest, AnExporterThatRestartedTellsWhatTheJournalHadSeen) {
  auto watch = Settled();
  watch.Ends("one", 1.5).IsRefused("one", 2).RestartsTheExporter().SeesPromoted("two", 5, 2600, 1500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
  EXPECT_EQ(watch.only().outage, microseconds(4'000'000));
  EXPECT_EQ(watch.only().lost_bytes, 500U);
}

TEST(ClassifierTest, WhatNobodyWatchedIsNotCounted) {
  auto watch = Settled();
  watch.RestartsTheExporter().SeesPromoted("two", 500, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kUnknown) << "it may have been asked for";
  auto lossy = Settled();
  lossy.RestartsTheExporter().SeesPromoted("two", 500, 2600, 1500);
  EXPECT_EQ(lossy.only().kind, FailoverKind::kFailover) << "no switchover loses what was seen";
}

TEST(ClassifierTest, ThatItIsDownWhenTheExporterStartsSaysNothingAboutAPromotionThatWasBefore) {
  auto watch = Settled();
  watch.RestartsTheExporter().Sees("three", StandbyAt(499.9, 2500)).IsDown("one", 500);
  watch.SeesPromoted("two", 500.2, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kUnknown);
}

TEST(ClassifierTest, ThatItIsDownWhileNobodyWasPromotedYetIsASign) {
  auto watch = Settled();
  watch.RestartsTheExporter().Sees("two", StandbyAt(500, 2500)).Sees("three", StandbyAt(500, 2500)).IsDown("one", 501);
  watch.SeesPromoted("two", 505, 2600, 2500);
  EXPECT_EQ(watch.only().kind, FailoverKind::kFailover);
}

TEST(ClassifierTest, AnExporterThatStartsAfterwardsTellsNothing) {
  Watch watch;
  watch.SeesPromoted("two", 5, 2600, 1500);
  EXPECT_TRUE(watch.events().empty());
  EXPECT_EQ(watch.primary()->timeline, 2U);
}

TEST(ClassifierTest, TwoExportersAgreeOnIdentities) {
  auto first = Settled();
  first.Ends("one", 1.5).IsRefused("one", 2).SeesPromoted("two", 5, 2600, 1500);
  auto second = Settled();
  second.Sees("one", PrimaryAt(1.2, 2050)).Ends("one", 1.7).SeesPromoted("two", 5.4, 2700, 1500);
  EXPECT_EQ(first.only().identity, second.only().identity);
  EXPECT_NE(first.only().serving, second.only().serving);
}

TEST(ClassifierTest, AnotherClusterBehindTheSameNamesIsNoEvent) {
  auto watch = Settled();
  auto other = PrimaryAt(20, 100, 100, 5);
  other.facts.postmaster_start = ServerTime(19);
  watch.Ends("one", 1.5).IsRefused("one", 2);
  other.facts.observed = Wall(20);
  other.facts.system_identifier = "8000000000000000001";
  watch.scene().Sees("one", other);
  const auto told = Classify(watch.primary(), watch.scene().state, 0U, watch.scene().clock, Wall(20));
  EXPECT_TRUE(told.events.empty());
  EXPECT_EQ(told.primary->system_identifier, "8000000000000000001");
}

TEST(ClassifierTest, ATimelineThatRoseInPlaceIsNoChangeOfPrimary) {
  auto watch = Settled();
  watch.Ends("one", 1.5).IsRefused("one", 2).SeesPromoted("one", 9, 2600, 1500);
  EXPECT_TRUE(watch.events().empty()) << "a recovery to a moment, or a replica cluster that was promoted";
  EXPECT_EQ(watch.primary()->timeline, 2U);
}

TEST(ClassifierTest, AnotherDesignatedPrimaryIsToldWhenTheOldOneIsAway) {
  Watch watch(true);
  watch.Sees("one", StandbyAt(0, 2000)).Sees("two", StandbyAt(0, 1000));
  ASSERT_EQ(watch.primary()->instance, "one");
  watch.Ends("one", 1.5).IsRefused("one", 2).Sees("two", StandbyAt(20, 2500));
  EXPECT_EQ(watch.only().kind, FailoverKind::kDesignated);
  EXPECT_EQ(watch.only().to, "two");
}

TEST(ClassifierTest, StandbysThatAreFedFromOutsideDoNotTakeTurns) {
  Watch watch(true);
  watch.Sees("one", StandbyAt(0, 2000)).Sees("two", StandbyAt(0, 1000));
  for (int second = 1; second < 6; ++second) {
    watch.Sees("one", StandbyAt(second, 2000 + 100 * second)).Sees("two", StandbyAt(second, 2050 + 100 * second));
  }
  EXPECT_TRUE(watch.events().empty());
  EXPECT_EQ(watch.primary()->instance, "one");
}

}  // namespace
}  // namespace pgvigil::failover
