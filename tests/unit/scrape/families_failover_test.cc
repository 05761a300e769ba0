#include "scrape/families_failover.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "metrics/text_writer.h"
#include "unit/scrape/samples.h"

namespace pgvigil::scrape {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using std::chrono::minutes;

const base::WallTime kNow = base::WallTime(std::chrono::seconds(1'000'000));

// A cluster of which this is remembered.
struct Remembered {
  failover::FailoverHistory history;

  Remembered() { history.whole = true; }
  FailoverEvent& Has(FailoverKind kind, minutes ago) {
    auto& event = history.events.emplace_back();
    event.kind = kind;
    event.serving = kNow - ago;
    event.outage = std::chrono::milliseconds(9800);
    ++history.counts[static_cast<std::size_t>(kind)];
    return event;
  }
  std::string Page() const {
    observe::ClusterView view;
    view.state.name = {"shop", "orders"};
    view.failovers = std::make_shared<const failover::FailoverHistory>(history);
    metrics::Families families;
    AddFailoverFamilies(view, kNow, families);
    return metrics::WritePage(std::move(families).Finish()).text;
  }
  std::string Samples(const std::string& kind) const {
    const auto page = SamplesOf(Page());
    std::string kept;
    for (const auto line : base::Split(page, '\n')) {
      if (line.find("kind=\"" + kind + "\"") != std::string_view::npos) kept += std::string(line) + "\n";
    }
    return kept;
  }
};

TEST(FamiliesFailoverTest, EveryKindBeginsAtZero) {
  const auto page = Remembered().Page();
  EXPECT_EQ(FamiliesOf(page),
            (std::set<std::string>{"pgvigil_failover_events_total", "pgvigil_failover_events_recent"}));
  for (const std::string kind : {"failover", "switchover", "restart", "crash", "aborted", "designated"}) {
    const auto labels = "{namespace=\"shop\",pg_cluster=\"orders\",kind=\"" + kind + "\"";
    EXPECT_EQ(Remembered().Samples(kind), "pgvigil_failover_events_total" + labels +
                                              "} 0\npgvigil_failover_events_recent" + labels + ",window=\"1h\"} 0\n");
  }
  EXPECT_EQ(Remembered().Samples("unknown"), "");
}

TEST(FamiliesFailoverTest, TheLastOfAKindWithItsOutageAndWhatWasLost) {
  Remembered remembered;
  remembered.Has(FailoverKind::kFailover, minutes(90)).lost_bytes = 7;
  remembered.Has(FailoverKind::kFailover, minutes(59)).lost_bytes = 24576;
  EXPECT_EQ(remembered.Samples("failover"),
            R"(pgvigil_failover_events_total{namespace="shop",pg_cluster="orders",kind="failover"} 2
pgvigil_failover_events_recent{namespace="shop",pg_cluster="orders",kind="failover",window="1h"} 1
pgvigil_last_failover_timestamp_seconds{namespace="shop",pg_cluster="orders",kind="failover"} 996460
pgvigil_last_failover_outage_seconds{namespace="shop",pg_cluster="orders",kind="failover"} 9.8
pgvigil_last_failover_lost_bytes{namespace="shop",pg_cluster="orders",kind="failover"} 24576
)");
}

TEST(FamiliesFailoverTest, WhatIsNotKnownOfItIsAbsent) {
  Remembered remembered;
  remembered.Has(FailoverKind::kFailover, minutes(1)).outage.reset();
  const auto samples = remembered.Samples("failover");
  EXPECT_EQ(samples.find("outage"), std::string::npos);
  EXPECT_EQ(samples.find("lost"), std::string::npos);
}

TEST(FamiliesFailoverTest, ARestartIsCountedAndIsNoChangeOfPrimary) {
  Remembered remembered;
  remembered.Has(FailoverKind::kRestart, minutes(1));
  EXPECT_EQ(remembered.Samples("restart"),
            R"(pgvigil_failover_events_total{namespace="shop",pg_cluster="orders",kind="restart"} 1
pgvigil_failover_events_recent{namespace="shop",pg_cluster="orders",kind="restart",window="1h"} 1
)");
}

TEST(FamiliesFailoverTest, WhileTheJournalCannotBeReadNothingIsCounted) {
  Remembered remembered;
  remembered.Has(FailoverKind::kFailover, minutes(1));
  remembered.history.whole = false;
  EXPECT_EQ(FamiliesOf(remembered.Page()),
            (std::set<std::string>{"pgvigil_last_failover_timestamp_seconds", "pgvigil_last_failover_outage_seconds"}));
}

TEST(FamiliesFailoverTest, WhereNobodyRemembersThereIsNothing) {
  metrics::Families families;
  AddFailoverFamilies({}, kNow, families);
  EXPECT_TRUE(std::move(families).Finish().empty());
}

// A cluster of one primary whose standby lacks that much.
std::string ReadinessOf(std::optional<std::uint64_t> lacks) {
  cluster::ClusterState state{{"", "orders"}, false, cluster::Objectives::Defaults(), {}, {}, {}};
  state.instances.resize(2);
  for (auto& instance : state.instances) instance.sql.up = true;
  verdict::ClusterVerdict verdict;
  verdict.instances.resize(2);
  verdict.sync_required = 0;
  verdict.instances[1].role = cluster::Role::kStandby;
  if (lacks) verdict.instances[1].received = verdict::Lag{*lacks, 0, false};
  metrics::Families families;
  AddReadinessFamilies(state, verdict, families);
  return metrics::WritePage(std::move(families).Finish()).text;
}

TEST(FamiliesFailoverTest, WhatStandsInTheWayOfAFailover) {
  EXPECT_EQ(SamplesOf(ReadinessOf(std::uint64_t{1} << 40)), R"(pgvigil_failover_ready{pg_cluster="orders"} 0
pgvigil_failover_blocker{pg_cluster="orders",blocker="no_standby"} 0
pgvigil_failover_blocker{pg_cluster="orders",blocker="standby_behind"} 1
pgvigil_failover_blocker{pg_cluster="orders",blocker="quorum"} 0
)");
  EXPECT_TRUE(SamplesOf(ReadinessOf(0)).starts_with("pgvigil_failover_ready{pg_cluster=\"orders\"} 1\n"));
  EXPECT_EQ(SamplesOf(ReadinessOf(std::nullopt)),
            R"(pgvigil_failover_blocker{pg_cluster="orders",blocker="no_standby"} 0
pgvigil_failover_blocker{pg_cluster="orders",blocker="quorum"} 0
)");
}

TEST(FamiliesFailoverTest, EveryFamilyIsDescribed) {
  Remembered remembered;
  remembered.Has(FailoverKind::kSwitchover, minutes(1)).lost_bytes = 0;
  std::set<std::string> names;
  for (const auto& descriptor : FailoverDescriptors()) {
    EXPECT_TRUE(names.emplace(descriptor.name).second) << descriptor.name;
    EXPECT_FALSE(descriptor.help.empty() || descriptor.help.ends_with('.')) << descriptor.name;
  }
  auto shown = FamiliesOf(remembered.Page());
  shown.merge(FamiliesOf(ReadinessOf(0)));
  EXPECT_EQ(shown, names);
}

}  // namespace
}  // namespace pgvigil::scrape
