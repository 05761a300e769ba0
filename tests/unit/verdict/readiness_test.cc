#include "verdict/readiness.h"

#include <gtest/gtest.h>

namespace pgvigil::verdict {
namespace {

using enum FailoverBlocker;

// A primary that answers and two standbys that follow it, with the default objectives.
struct Cluster {
  cluster::ClusterState state;
  ClusterVerdict verdict;

  Cluster() {
    state.objectives = cluster::Objectives::Defaults();
    state.instances.resize(3);
    verdict.instances.resize(3);
    for (std::size_t i = 0; i < 3; ++i) {
      state.instances[i].sql.up = true;
      verdict.instances[i].role = i == 0 ? cluster::Role::kPrimary : cluster::Role::kStandby;
      if (i > 0) verdict.instances[i].received = Lag{1000 * i, 0.1, false};
      if (i > 0) verdict.instances[i].replication = ReplicationState::kStreaming;
    }
    verdict.primary = 0;
    verdict.sync_required = verdict.sync_streaming = 0;
  }
  FailoverReadiness Judged() const { return JudgeReadiness(state, verdict); }
  Cluster& Loses(std::size_t i) {
    state.instances[i].sql = {};
    state.instances[i].sql.error = base::Error{base::ErrorKind::kRefused, "refused", {}, {}};
    verdict.instances[i] = {};
    return *this;
  }
  // What was measured against the primary is not known without it.
  Cluster& LosesThePrimary() {
    Loses(0);
    verdict.primary.reset();
    verdict.sync_required = verdict.sync_streaming = std::nullopt;
    for (auto& instance : verdict.instances) instance.received.reset();
    return *this;
  }
};

TEST(ReadinessTest, AStandbyWithinTheObjectivesIsEnough) {
  const auto readiness = Cluster().Judged();
  EXPECT_EQ(readiness.Ready(), true);
  EXPECT_EQ(readiness.candidate, 1U) << "the one that lacks least";
  for (const auto blocker : kFailoverBlockers) EXPECT_EQ(readiness.Blocks(blocker), false) << Name(blocker);
  EXPECT_EQ(Cluster().Loses(1).Judged().candidate, 2U);
}

TEST(ReadinessTest, WithoutAStandbyThatFollowsThereIsNone) {
  Cluster cluster;
  cluster.Loses(1);
  cluster.verdict.instances[2].replication = ReplicationState::kDiverged;
  const auto readiness = cluster.Judged();
  EXPECT_EQ(readiness.Ready(), false);
  EXPECT_EQ(readiness.Blocks(kNoStandby), true);
  EXPECT_EQ(readiness.Blocks(kStandbyBehind), std::nullopt) << "there is none to be behind";
}

TEST(ReadinessTest, OneThatWasNotAskedYetMayBeTheOne) {
  Cluster cluster;
  cluster.Loses(1).Loses(2);
  cluster.state.instances[2].sql.error.reset();
  EXPECT_EQ(cluster.Judged().Blocks(kNoStandby), std::nullopt);
  EXPECT_EQ(cluster.Judged().Ready(), std::nullopt);
}

TEST(ReadinessTest, TheBestOneCountsAgainstBothObjectives) {
  Cluster cluster;
  cluster.verdict.instances[2].received = Lag{std::uint64_t{1} << 40, 1000, false};
  EXPECT_EQ(cluster.Judged().Ready(), true);
  cluster.verdict.instances[1].received = Lag{2000, 30, false};
  EXPECT_EQ(cluster.Judged().Ready(), true) << "at the objective";
  cluster.verdict.instances[1].received = Lag{2000, 30.1, false};
  EXPECT_EQ(cluster.Judged().Blocks(kStandbyBehind), true);
  EXPECT_EQ(cluster.Judged().Ready(), false);
  cluster.verdict.instances[1].received = Lag{(std::uint64_t{256} << 20) + 1, 0, false};
  EXPECT_EQ(cluster.Judged().Blocks(kStandbyBehind), true);
  cluster.state.objectives = {};
  EXPECT_EQ(cluster.Judged().Blocks(kStandbyBehind), false) << "nothing is declared";
}

TEST(ReadinessTest, MissingSynchronousStandbysAreInTheWay) {
  Cluster cluster;
  cluster.verdict.sync_required = 2;
  cluster.verdict.sync_streaming = 1;
  EXPECT_EQ(cluster.Judged().Blocks(kQuorum), true);
  EXPECT_EQ(cluster.Judged().Ready(), false);
  cluster.verdict.sync_streaming = 2;
  EXPECT_EQ(cluster.Judged().Ready(), true);
}

TEST(ReadinessTest, WithoutAPrimaryNothingCanBeMeasured) {
  const auto readiness = Cluster().LosesThePrimary().Judged();
  EXPECT_EQ(readiness.Ready(), std::nullopt);
  EXPECT_EQ(readiness.Blocks(kNoStandby), false);
  EXPECT_EQ(Cluster().Loses(1).Loses(2).LosesThePrimary().Judged().Ready(), false) << "nobody is left";
}

TEST(ReadinessTest, AReplicaClusterHasNoPrimaryToLose) {
  Cluster cluster;
  cluster.state.replica = true;
  EXPECT_EQ(cluster.Judged().Ready(), std::nullopt);
  for (const auto blocker : kFailoverBlockers) EXPECT_EQ(cluster.Judged().Blocks(blocker), std::nullopt);
}

}  // namespace
}  // namespace pgvigil::verdict
