#include "scrape/families_cluster.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "metrics/text_writer.h"
#include "scrape/families_source.h"
#include "unit/scrape/samples.h"

namespace pgvigil::scrape {
namespace {

using cluster::ClusterState;
using verdict::ClusterVerdict;

// A cluster of which nothing is known yet, in a namespace or not.
struct Known {
  ClusterState state;
  ClusterVerdict verdict;
  verdict::SiteVerdict site;

  explicit Known(int instances) {
    state.name = {"", "orders"};
    for (int i = 1; i <= instances; ++i) {
      state.instances.emplace_back().name = verdict.instances.emplace_back().name = "orders-" + std::to_string(i);
    }
    verdict.declared = instances;
  }

  std::string Page() const {
    metrics::Families families;
    AddClusterFamilies(state, verdict, site, families);
    return metrics::WritePage(std::move(families).Finish()).text;
  }
  std::string Samples() const { return SamplesOf(Page()); }
};

TEST(FamiliesClusterTest, UnknownIsAbsent) {
  EXPECT_EQ(Known(2).Samples(), R"(pgvigil_cluster_info{pg_cluster="orders",source="static"} 1
pgvigil_cluster_instances{pg_cluster="orders",state="declared"} 2
pgvigil_cluster_instances{pg_cluster="orders",state="ready"} 0
)");
}

TEST(FamiliesClusterTest, WhatIsKnownOfAPrimaryAndItsStandby) {
  Known known(2);
  known.state.name.space = "shop";
  auto& verdict = known.verdict;
  verdict.ready = 2;
  verdict.primaries = 1;
  verdict.sync_required = 1;
  verdict.sync_streaming = 0;
  verdict.sync_waiters = 3;
  verdict.rpo_primary = verdict::Loss{4096, 1.5};
  verdict.instances[0].role = cluster::Role::kPrimary;
  verdict.instances[0].timeline = 7;
  verdict.instances[1].role = cluster::Role::kStandby;
  verdict.instances[1].timeline = 7;
  verdict.instances[1].replication = verdict::ReplicationState::kCatchingUp;
  verdict.instances[1].received = verdict::Lag{4096, 1.5, false};
  verdict.instances[1].replayed = verdict::Lag{8192, 2.5, true};
  EXPECT_EQ(known.Samples(), R"(pgvigil_cluster_info{namespace="shop",pg_cluster="orders",source="static"} 1
pgvigil_cluster_instances{namespace="shop",pg_cluster="orders",state="declared"} 2
pgvigil_cluster_instances{namespace="shop",pg_cluster="orders",state="ready"} 2
pgvigil_cluster_primaries{namespace="shop",pg_cluster="orders"} 1
pgvigil_rpo_seconds{namespace="shop",pg_cluster="orders",loss="primary"} 1.5
pgvigil_rpo_bytes{namespace="shop",pg_cluster="orders",loss="primary"} 4096
pgvigil_sync_standbys{namespace="shop",pg_cluster="orders",state="required"} 1
pgvigil_sync_standbys{namespace="shop",pg_cluster="orders",state="streaming"} 0
pgvigil_sync_waiters{namespace="shop",pg_cluster="orders"} 3
pgvigil_instance_role{namespace="shop",pg_cluster="orders",pg_instance="orders-1",role="primary"} 1
pgvigil_instance_role{namespace="shop",pg_cluster="orders",pg_instance="orders-1",role="standby"} 0
pgvigil_instance_role{namespace="shop",pg_cluster="orders",pg_instance="orders-2",role="primary"} 0
pgvigil_instance_role{namespace="shop",pg_cluster="orders",pg_instance="orders-2",role="standby"} 1
pgvigil_timeline_id{namespace="shop",pg_cluster="orders",pg_instance="orders-1"} 7
pgvigil_timeline_id{namespace="shop",pg_cluster="orders",pg_instance="orders-2"} 7
pgvigil_replication_state{namespace="shop",pg_cluster="orders",pg_instance="orders-2",state="streaming"} 0
pgvigil_replication_state{namespace="shop",pg_cluster="orders",pg_instance="orders-2",state="catching_up"} 1
pgvigil_replication_state{namespace="shop",pg_cluster="orders",pg_instance="orders-2",state="archive_recovery"} 0
pgvigil_replication_state{namespace="shop",pg_cluster="orders",pg_instance="orders-2",state="paused"} 0
pgvigil_replication_state{namespace="shop",pg_cluster="orders",pg_instance="orders-2",state="disconnected"} 0
pgvigil_replication_state{namespace="shop",pg_cluster="orders",pg_instance="orders-2",state="diverged"} 0
pgvigil_replication_lag_bytes{namespace="shop",pg_cluster="orders",pg_instance="orders-2",position="received"} 4096
pgvigil_replication_lag_bytes{namespace="shop",pg_cluster="orders",pg_instance="orders-2",position="replayed"} 8192
pgvigil_replication_lag_seconds{namespace="shop",pg_cluster="orders",pg_instance="orders-2",position="received"} 1.5
pgvigil_replication_lag_seconds{namespace="shop",pg_cluster="orders",pg_instance="orders-2",position="replayed"} 2.5
)");
}

TEST(FamiliesClusterTest, AnUnboundedLossIsInf) {
  Known known(1);
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  known.verdict.rpo_primary = verdict::Loss{kUnbounded, kUnbounded};
  EXPECT_NE(known.Page().find("pgvigil_rpo_seconds{pg_cluster=\"orders\",loss=\"primary\"} +Inf\n"), std::string::npos);
  EXPECT_NE(known.Page().find("pgvigil_rpo_bytes{pg_cluster=\"orders\",loss=\"primary\"} +Inf\n"), std::string::npos);
}

TEST(FamiliesClusterTest, WithoutARestorableBackupLosingTheSiteIsUnbounded) {
  Known known(1);
  EXPECT_EQ(SamplesOf(known.Page(), "pgvigil_rpo_bytes"), "") << "absent where it is not known";
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  known.site.rpo_site = verdict::Loss{kUnbounded, kUnbounded};
  EXPECT_EQ(SamplesOf(known.Page(), "pgvigil_rpo_seconds"),
            "pgvigil_rpo_seconds{pg_cluster=\"orders\",loss=\"site\"} +Inf\n");
  EXPECT_EQ(SamplesOf(known.Page(), "pgvigil_rpo_bytes"),
            "pgvigil_rpo_bytes{pg_cluster=\"orders\",loss=\"site\"} +Inf\n");
  known.site.rpo_site = verdict::Loss{4096, 0};
  EXPECT_EQ(SamplesOf(known.Page(), "pgvigil_rpo_seconds"),
            "pgvigil_rpo_seconds{pg_cluster=\"orders\",loss=\"site\"} 0\n");
}

TEST(FamiliesClusterTest, TheLossOfASiteThatIsAllowedFollowsTheArchiveWhereNoneIsDeclared) {
  Known known(1);
  const auto declared = [&] { return SamplesOf(known.Page(), "pgvigil_objective_rpo_seconds"); };
  EXPECT_EQ(declared(), "") << "no archive";
  known.state.archives.emplace_back().terms.listing_interval = std::chrono::minutes(10);
  EXPECT_EQ(declared(), "pgvigil_objective_rpo_seconds{pg_cluster=\"orders\",loss=\"site\"} 1320\n");
  known.state.objectives.rpo_site = std::chrono::minutes(15);
  EXPECT_EQ(declared(), "pgvigil_objective_rpo_seconds{pg_cluster=\"orders\",loss=\"site\"} 900\n");
}

TEST(FamiliesClusterTest, ASourceSaysWhetherItIsUpAndSinceWhenItWas) {
  using std::chrono::milliseconds;
  const auto when = base::WallTime(std::chrono::seconds(1'700'000'000)) + milliseconds(250);
  const base::Error refused{base::ErrorKind::kRefused, "connection refused", "orders-2", {}};
  Known known(4);
  known.state.instances[0].sql = {true, when, {}, milliseconds(2), {}};
  known.state.instances[1].sql = {false, when, {}, milliseconds(2), refused};
  known.state.instances[2].sql = {false, {}, {}, {}, refused};  // never answered; the fourth was not asked yet
  const auto samples = known.Samples();
  EXPECT_EQ(samples.substr(samples.find("pgvigil_source")),
            R"(pgvigil_source_up{pg_cluster="orders",pg_instance="orders-1",source="sql"} 1
pgvigil_source_up{pg_cluster="orders",pg_instance="orders-2",source="sql"} 0
pgvigil_source_up{pg_cluster="orders",pg_instance="orders-3",source="sql"} 0
pgvigil_source_last_success_timestamp_seconds{pg_cluster="orders",pg_instance="orders-1",source="sql"} 1700000000.25
pgvigil_source_last_success_timestamp_seconds{pg_cluster="orders",pg_instance="orders-2",source="sql"} 1700000000.25
pgvigil_source_duration_seconds{pg_cluster="orders",pg_instance="orders-1",source="sql"} 0.002
pgvigil_source_duration_seconds{pg_cluster="orders",pg_instance="orders-2",source="sql"} 0.002
)");
}

cluster::Objectives EveryObjective() {
  using std::chrono::seconds;
  cluster::Objectives objectives;
  objectives.rpo_primary = seconds(1);
  objectives.rpo_site = seconds(2);
  objectives.rto = seconds(3);
  objectives.replication_lag = std::chrono::milliseconds(4500);
  objectives.replication_lag_bytes = 5;
  objectives.slot_retained_bytes = 6;
  objectives.backup_age = seconds(7);
  objectives.recovery_window = seconds(8);
  objectives.restore_drill_age = seconds(9);
  objectives.connection_usage = 0.5;
  return objectives;
}

TEST(FamiliesClusterTest, EveryObjectiveIsAMetric) {
  Known known(1);
  known.state.objectives = EveryObjective();
  const auto samples = known.Samples();
  EXPECT_EQ(samples.substr(samples.find("pgvigil_objective")),
            R"(pgvigil_objective_rpo_seconds{pg_cluster="orders",loss="primary"} 1
pgvigil_objective_rpo_seconds{pg_cluster="orders",loss="site"} 2
pgvigil_objective_rto_seconds{pg_cluster="orders"} 3
pgvigil_objective_replication_lag_seconds{pg_cluster="orders"} 4.5
pgvigil_objective_replication_lag_bytes{pg_cluster="orders"} 5
pgvigil_objective_slot_retained_bytes{pg_cluster="orders"} 6
pgvigil_objective_backup_age_seconds{pg_cluster="orders"} 7
pgvigil_objective_recovery_window_seconds{pg_cluster="orders"} 8
pgvigil_objective_restore_drill_age_seconds{pg_cluster="orders"} 9
pgvigil_objective_connection_usage_ratio{pg_cluster="orders"} 0.5
)");
}

TEST(FamiliesClusterTest, AReplicaClusterDeclaresNoLossOfAPrimary) {
  Known known(1);
  known.state.replica = true;
  known.state.objectives = EveryObjective();
  EXPECT_EQ(known.Page().find("pgvigil_objective_rpo_seconds{pg_cluster=\"orders\",loss=\"primary\"}"),
            std::string::npos);
  EXPECT_NE(known.Page().find("pgvigil_objective_rpo_seconds{pg_cluster=\"orders\",loss=\"site\"}"), std::string::npos);
}

// What the reference page lists is what can appear, in name, type, labels and help.
TEST(FamiliesClusterTest, EveryFamilyIsDescribedAndEveryDescriptionCanAppear) {
  Known known(1);
  known.state.objectives = EveryObjective();
  known.state.instances[0].sql = {true, base::WallTime{}, {}, std::chrono::milliseconds(1), {}};
  auto& verdict = known.verdict;
  verdict.primaries = verdict.sync_required = verdict.sync_streaming = verdict.sync_waiters = 1;
  verdict.rpo_primary = verdict::Loss{};
  auto& instance = verdict.instances[0];
  instance.role = cluster::Role::kStandby;
  instance.timeline = 1;
  instance.replication = verdict::ReplicationState::kStreaming;
  instance.received = instance.replayed = verdict::Lag{};

  std::set<std::string> names;
  for (const auto descriptors : {ClusterDescriptors(), SourceDescriptors()}) {
    for (const auto& descriptor : descriptors) {
      EXPECT_TRUE(names.emplace(descriptor.name).second) << descriptor.name;
      EXPECT_FALSE(descriptor.help.empty() || descriptor.help.ends_with('.')) << descriptor.name;
    }
  }
  EXPECT_EQ(FamiliesOf(known.Page()), names);
}

}  // namespace
}  // namespace pgvigil::scrape
