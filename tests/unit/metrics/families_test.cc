#include "metrics/families.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

namespace pgvigil::metrics {
namespace {

constexpr std::array<std::string_view, 1> kState = {"state"};
constexpr std::array<std::string_view, 2> kTwo = {"query", "database"};
constexpr Descriptor kUp{"pg_up", Type::kGauge, Scope::kInstance, {}, "Up"};
constexpr Descriptor kPhase{"phase", Type::kGauge, Scope::kCluster, kState, "Phase"};
constexpr Descriptor kQuery{"query_failures_total", Type::kCounter, Scope::kInstance, kTwo, "Failures"};

std::string Text(Families families) { return WritePage(std::move(families).Finish()).text; }

TEST(FamiliesTest, SamplesOfAllInstancesBecomeOneFamily) {
  Families families;
  families.Add(kUp, Identity("shop", "orders", "orders-1"), {}, 1);
  families.Add(kQuery, Identity("", "orders", "orders-1"), {"0100-x", "app"}, 2);
  families.Add(kQuery, Identity("", "orders", "orders-1"), {"0200-y", ""}, 0);
  families.Add(kUp, Identity("shop", "orders", "orders-2"), {}, 0);
  EXPECT_EQ(Text(std::move(families)), R"(# HELP pg_up Up
# TYPE pg_up gauge
pg_up{namespace="shop",pg_cluster="orders",pg_instance="orders-1"} 1
pg_up{namespace="shop",pg_cluster="orders",pg_instance="orders-2"} 0
# HELP query_failures_total Failures
# TYPE query_failures_total counter
query_failures_total{pg_cluster="orders",pg_instance="orders-1",query="0100-x",database="app"} 2
query_failures_total{pg_cluster="orders",pg_instance="orders-1",query="0200-y"} 0
)");
}

TEST(FamiliesTest, AStateSetHasEveryStateAndOneOfThemIsOne) {
  constexpr std::array<std::string_view, 3> kStates = {"red", "green", "blue"};
  Families families;
  families.AddStates(kPhase, Identity("", "c", ""), kStates, "green");
  EXPECT_EQ(Text(std::move(families)), R"(# HELP phase Phase
# TYPE phase gauge
phase{pg_cluster="c",state="red"} 0
phase{pg_cluster="c",state="green"} 1
phase{pg_cluster="c",state="blue"} 0
)");
}

TEST(FamiliesTest, AWrongNumberOfLabelValuesIsAMistakeOfOurs) {
  Families families;
  EXPECT_THROW(families.Add(kQuery, "", {"only one"}, 1), std::logic_error);
  EXPECT_THROW(families.Add(kUp, "", {"one too many"}, 1), std::logic_error);
}

TEST(IdentityTest, LeavesOutWhatThereIsNot) {
  EXPECT_EQ(Identity("ns", "c", "i"), R"(namespace="ns",pg_cluster="c",pg_instance="i")");
  EXPECT_EQ(Identity("", "c", ""), R"(pg_cluster="c")");
  EXPECT_EQ(Identity("", "a\"b", ""), R"(pg_cluster="a\"b")");
}

}  // namespace
}  // namespace pgvigil::metrics
