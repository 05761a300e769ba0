#include <gtest/gtest.h>

#include <thread>

#include "metrics/self.h"
#include "scrape/page.h"
#include "scrape/page_cache.h"
#include "scrape/query_state.h"
#include "scrape/run.h"

namespace pgvigil::scrape {
namespace {

using namespace std::chrono_literals;

query::DefinitionPtr Define(base::Milliseconds every = 0ms, query::OnError on_error = query::OnError::kDrop,
                            const std::string& id = "q") {
  auto definition = std::make_shared<query::Definition>();
  definition->id = id;
  definition->every = every;
  definition->on_error = on_error;
  definition->block_columns = std::make_shared<const std::vector<metrics::Column>>(
      std::vector<metrics::Column>{{id + "_v", id + "_v", metrics::Type::kGauge, "help"}});
  return definition;
}

std::shared_ptr<const metrics::Block> BlockOf(const query::DefinitionPtr& definition, std::size_t rows) {
  metrics::BlockBuilder block(definition->block_columns);
  for (std::size_t row = 0; row < rows; ++row) {
    std::string labels;
    metrics::AppendLabel(labels, "row", std::to_string(row));
    block.StartRow(labels);
    block.Set(0, static_cast<double>(row));
  }
  return std::move(block).Finish();
}

query::QueryResult Good(const query::DefinitionPtr& definition) { return {.block = BlockOf(definition, 1), .rows = 1}; }
query::QueryResult Bad(base::ErrorKind kind) { return {.error = base::Error{kind, "no", "", ""}}; }

constexpr base::SteadyTime kStart{1h};

TEST(QuerySetTest, ContainsAndUnites) {
  const auto all = QuerySet::All();
  const auto a = QuerySet::Of({"a"});
  const auto b = QuerySet::Of({"b"});
  EXPECT_TRUE(all.Contains(a));
  EXPECT_FALSE(a.Contains(all));
  EXPECT_FALSE(a.Contains(b));
  EXPECT_TRUE(a.Union(b).Contains(b));
  EXPECT_TRUE(a.Union(all).Contains(all));
  EXPECT_NE(a.Key(), b.Key());
  EXPECT_EQ(a.Union(b).Key(), b.Union(a).Key());
}

TEST(QueryStateTest, APeriodEqualToTheScrapeIntervalIsMetByEveryScrape) {
  const auto definition = Define(30s);
  QueryState state;
  state.Adopt(definition);
  EXPECT_TRUE(state.Due(kStart));
  state.Record(Good(definition), kStart, false);
  EXPECT_FALSE(state.Due(kStart + 26s));
  EXPECT_TRUE(state.Due(kStart + 29s));
}

TEST(QueryStateTest, AFailedRunNeverOccupiesThePeriod) {
  const auto definition = Define(5min);
  QueryState state;
  state.Adopt(definition);
  state.Record(Good(definition), kStart, false);
  state.Record(Bad(base::ErrorKind::kPermission), kStart + 5min, true);
  EXPECT_TRUE(state.Due(kStart + 5min + 1s));
  const auto sample = state.Sample("");
  EXPECT_FALSE(sample.success);
  EXPECT_EQ(sample.block, nullptr) << "on_error: drop";
  EXPECT_EQ(sample.failures.at(base::ErrorKind::kPermission), 1U);
}

TEST(QueryStateTest, KeepsTheLastGoodResultWhereThatIsWanted) {
  const auto definition = Define(0ms, query::OnError::kKeep);
  QueryState state;
  state.Adopt(definition);
  state.Record(Good(definition), kStart, false);
  state.Record(Bad(base::ErrorKind::kTimeout), kStart + 10s, true);
  EXPECT_NE(state.Sample("").block, nullptr);
  EXPECT_EQ(state.Sample("").read, kStart);
}

TEST(QueryStateTest, BacksOffAfterRepeatedTimeoutsOfItsOwn) {
  const auto definition = Define();
  QueryState state;
  state.Adopt(definition);
  for (int i = 0; i < 10; ++i) state.Record(Bad(base::ErrorKind::kTimeout), kStart, false);
  EXPECT_TRUE(state.Due(kStart)) << "it stood in the queue behind the slow one";
  for (int i = 0; i < 3; ++i) state.Record(Bad(base::ErrorKind::kTimeout), kStart, true);
  EXPECT_FALSE(state.Due(kStart + 29s));
  EXPECT_TRUE(state.Due(kStart + 30s));
  for (int i = 0; i < 20; ++i) state.Record(Bad(base::ErrorKind::kTimeout), kStart, true);
  EXPECT_FALSE(state.Due(kStart + 9min));
  EXPECT_TRUE(state.Due(kStart + 10min)) << "never given up for good";
  state.Record(Good(definition), kStart + 10min, false);
  EXPECT_TRUE(state.Due(kStart + 10min)) << "one success forgets them";
}

TEST(QueryStateTest, WhatAnOlderDefinitionYieldedIsNotServedUnderANewOne) {
  const auto definition = Define(5min);
  QueryState state;
  state.Adopt(definition);
  state.Record(Good(definition), kStart, false);
  state.Adopt(Define(1min));
  EXPECT_NE(state.Sample("").block, nullptr) << "only how often it is asked has changed";
  EXPECT_FALSE(state.Due(kStart + 1s));
  auto other = std::make_shared<query::Definition>(*definition);
  other->content = "other";
  state.Adopt(other);
  EXPECT_EQ(state.Sample("").block, nullptr);
  EXPECT_TRUE(state.Due(kStart + 1s));
}

TEST(PageCacheTest, APageIsMadeOnceForAllWhoAskForIt) {
  PageCache cache;
  std::atomic<int> made = 0;
  const auto make = [&] {
    ++made;
    return std::string("page");
  };
  std::vector<std::thread> askers;
  for (int i = 0; i < 8; ++i) askers.emplace_back([&] { EXPECT_EQ(*cache.Get("same", make), "page"); });
  for (auto& asker : askers) asker.join();
  EXPECT_EQ(made, 1);
  cache.Get("other", make);
  EXPECT_EQ(made, 2);
}

TEST(PageCacheTest, AFailureIsNotKept) {
  PageCache cache;
  EXPECT_THROW(cache.Get("key", []() -> std::string { throw std::runtime_error("no memory"); }), std::runtime_error);
  EXPECT_EQ(*cache.Get("key", [] { return std::string("page"); }), "page");
}

class PageTest : public testing::Test {
 protected:
  PageParts PartsOf(std::vector<std::pair<std::string, std::size_t>> queries, std::size_t limit) {
    auto run = std::make_shared<RunResult>();
    run->up = true;
    for (const auto& [id, rows] : queries) {
      const auto definition = Define(0ms, query::OnError::kDrop, id);
      run->queries.push_back({definition, "", BlockOf(definition, rows), true, 1ms, rows, kStart, {}});
    }
    PageParts parts;
    parts.instances.push_back({&cluster_, &instance_, run});
    parts.series_limit = limit;
    parts.now = kStart;
    return parts;
  }

  const cluster::ClusterName cluster_{"", "orders"};
  const std::string instance_ = "orders-1";
  metrics::Self self_;
};

TEST_F(PageTest, AtTheLimitTheLargestBlocksAreLeftOutWholeAndCounted) {
  const auto page = MakePage(PartsOf({{"small", 5}, {"large", 100}, {"middle", 20}}, 30), self_).text;
  EXPECT_EQ(page.find("large_v"), std::string::npos);
  EXPECT_NE(page.find("small_v{pg_cluster=\"orders\",pg_instance=\"orders-1\",row=\"4\"} 4"), std::string::npos);
  EXPECT_NE(page.find("middle_v"), std::string::npos);
  EXPECT_NE(page.find("pg_up{pg_cluster=\"orders\",pg_instance=\"orders-1\"} 1"), std::string::npos)
      << "verdicts are never left out";
  const auto counted = MakePage(PartsOf({}, 0), self_).text;
  EXPECT_NE(counted.find("pgvigil_samples_dropped_total{reason=\"page_limit\"} 100"), std::string::npos);
}

TEST_F(PageTest, AnInstanceThatWasNotDoneInTimeIsAbsentAndNotDown) {
  auto parts = PartsOf({{"q", 1}}, 100);
  parts.instances[0].run.reset();
  EXPECT_EQ(MakePage(parts, self_).text.find("pg_up"), std::string::npos);
}

}  // namespace
}  // namespace pgvigil::scrape
