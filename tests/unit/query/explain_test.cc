#include "query/explain.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace pgvigil::query {
namespace {

std::shared_ptr<const Catalog> Load(const std::string& text) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "explained.yaml";
  std::ofstream(path) << text;
  base::Diagnostics diagnostics;
  auto catalog = Catalog::Load({.file_sets = {{path, ""}}}, diagnostics);
  EXPECT_FALSE(diagnostics.HasErrors()) << diagnostics.Format();
  return catalog;
}

TEST(ExplainTest, SaysWhichConditionKeepsAQueryFromAServer) {
  const auto catalog = Load(
      "a: {sql: SELECT 1, role: standby, columns: {v: {usage: gauge}}}\n"
      "b: {sql: SELECT 1, role: primary, versions: '>=16', columns: {v: {usage: gauge}}}\n"
      "c: {sql: SELECT 1, columns: {v: {usage: gauge}}}\n");
  const ServerContext primary{150014, cluster::Role::kPrimary}, standby{170002, cluster::Role::kStandby};
  const auto& all = catalog->definitions();
  EXPECT_EQ(WhyNot(*all[0], primary), "for standbys, and this is a primary");
  EXPECT_EQ(WhyNot(*all[0], standby), "");
  EXPECT_EQ(WhyNot(*all[1], primary), "for PostgreSQL 16 and later, and this is PostgreSQL 15");
  EXPECT_EQ(WhyNot(*all[1], standby), "for the primary, and this is a standby");
  EXPECT_EQ(WhyNot(*all[2], primary), "");
}

TEST(ExplainTest, HintsAtCountersAndAtMajorsThatAreLeftOut) {
  struct Case {
    const char* text;
    const char* hint;  // or none
  };
  for (const auto& [text, hint] : {
           Case{"a: {sql: SELECT 1, columns: {v: {usage: counter}}}\n",
                "a_v is a counter: by convention its name ends"},
           Case{"a: {sql: SELECT 1, columns: {v_total: {usage: counter}}}\n", ""},
           Case{"a: {sql: SELECT 1, versions: ['<15', '>=17'], columns: {v: {usage: gauge}}}\n", "PostgreSQL 15, 16"},
           Case{"a: {sql: SELECT 1, versions: '<17', columns: {v: {usage: gauge}}}\n", "PostgreSQL 17, 18"},
           Case{"a: {sql: SELECT 1, versions: '>=16', columns: {v: {usage: gauge}}}\n", ""},
           Case{"a: {sql: SELECT 1, versions: '<17', columns: {v: {usage: gauge}}}\n"
                "b: {sql: SELECT 1, name: a, versions: '>=17', columns: {v: {usage: gauge}}}\n",
                ""},
       }) {
    const auto hints = Hints(*Load(text));
    ASSERT_EQ(hints.size(), *hint == '\0' ? 0U : 1U) << text;
    EXPECT_NE((hints.empty() ? "" : hints[0]).find(hint), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace pgvigil::query
