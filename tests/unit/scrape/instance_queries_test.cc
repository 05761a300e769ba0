#include "scrape/instance_queries.h"

#include <gtest/gtest.h>

namespace pgvigil::scrape {
namespace {

using namespace std::chrono_literals;

constexpr base::SteadyTime kStart{1h};
constexpr query::ServerContext kPrimary{150000, cluster::Role::kPrimary};

query::DefinitionPtr Define(const std::string& id, query::QueryScope scope = query::QueryScope::kServer,
                            query::RoleCondition role = query::RoleCondition::kAny,
                            query::OnError on_error = query::OnError::kDrop) {
  auto definition = std::make_shared<query::Definition>();
  definition->id = id;
  definition->scope = scope;
  definition->role = role;
  definition->on_error = on_error;
  definition->block_columns = std::make_shared<const std::vector<metrics::Column>>(
      std::vector<metrics::Column>{{id + "_v", id + "_v", metrics::Type::kGauge, "help"}});
  return definition;
}

class InstanceQueriesTest : public testing::Test {
 protected:
  void Read(const query::DefinitionPtr& definition, const std::string& database) {
    metrics::BlockBuilder block(definition->block_columns);
    block.StartRow("");
    block.Set(0, 1);
    queries_.State(definition, database).Record({.block = std::move(block).Finish(), .rows = 1}, kStart, false);
  }

  // `id` or `id@database`, with "!" behind it for a failed one and "." for one without anything to serve.
  std::vector<std::string> Shown(const QuerySet& set, const std::optional<query::ServerContext>& server,
                                 const std::set<std::string>& silent = {}) {
    std::vector<std::string> shown;
    for (const auto& sample : queries_.Samples(set, server, silent)) {
      shown.push_back(sample.definition->id + (sample.database.empty() ? "" : "@" + sample.database) +
                      (sample.success ? "" : "!") + (sample.block ? "" : "."));
    }
    return shown;
  }

  InstanceQueries queries_;
  const query::DefinitionPtr server_ = Define("server");
  const query::DefinitionPtr each_ = Define("each", query::QueryScope::kDatabase);
};

using Names = std::vector<std::string>;

TEST_F(InstanceQueriesTest, AServerThatDoesNotAnswerHasEveryQueryFailed) {
  const auto kept = Define("kept", query::QueryScope::kServer, query::RoleCondition::kAny, query::OnError::kKeep);
  queries_.SetApplying("postgres", {server_, kept}, QuerySet::All());
  Read(server_, "postgres");
  Read(kept, "postgres");
  EXPECT_EQ(Shown(QuerySet::All(), kPrimary), (Names{"server", "kept"}));
  EXPECT_EQ(Shown(QuerySet::All(), std::nullopt), (Names{"server!.", "kept!"}));
}

TEST_F(InstanceQueriesTest, ADatabaseThatIsSilentFailsAlone) {
  for (const auto* database : {"app", "shop"}) {
    queries_.SetApplying(database, {each_}, QuerySet::All());
    Read(each_, database);
  }
  EXPECT_EQ(Shown(QuerySet::All(), kPrimary, {"shop"}), (Names{"each@app", "each@shop!."}));
}

TEST_F(InstanceQueriesTest, AFilteredReadingLeavesTheWordOnTheOthers) {
  queries_.SetApplying("postgres", {server_, each_}, QuerySet::All());
  queries_.SetApplying("postgres", {}, QuerySet::Of({"each"}));
  EXPECT_EQ(Shown(QuerySet::All(), std::nullopt), Names{"server!."});
  EXPECT_TRUE(queries_.Applying("postgres", QuerySet::Of({"each"})).empty());
}

TEST_F(InstanceQueriesTest, WhatWasReadUnderAnotherRoleIsNotServedAfterAPromotion) {
  const auto standby = Define("standby", query::QueryScope::kDatabase, query::RoleCondition::kStandby);
  queries_.SetApplying("app", {standby}, QuerySet::All());
  Read(standby, "app");
  EXPECT_TRUE(Shown(QuerySet::All(), kPrimary).empty());
}

TEST_F(InstanceQueriesTest, ADroppedDatabaseTakesItsStateWithIt) {
  queries_.SetApplying("app", {each_}, QuerySet::All());
  Read(each_, "app");
  queries_.Retain({"postgres"});
  EXPECT_TRUE(Shown(QuerySet::All(), kPrimary).empty());
  EXPECT_FALSE(queries_.State(each_, "app").executed()) << "a new one of that name starts anew";
}

}  // namespace
}  // namespace pgvigil::scrape
