#include "query/catalog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "query/definition_reader.h"
#include "query/explain.h"
#include "query/sql_text.h"

namespace pgvigil::query {
namespace {

// Loads one file with that text as "q.yaml"; diagnostics name it so.
struct Loaded {
  std::shared_ptr<const Catalog> catalog;
  std::string problems;
};

Loaded LoadText(const std::string& text, Options options = {}) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "q.yaml";
  std::ofstream(path) << text;
  options.file_sets = {{path, ""}};
  base::Diagnostics diagnostics;
  Loaded loaded;
  loaded.catalog = Catalog::Load(options, diagnostics);
  loaded.problems = diagnostics.Format();
  for (auto at = loaded.problems.find(path); at != std::string::npos; at = loaded.problems.find(path)) {
    loaded.problems.replace(at, path.size(), "q.yaml");
  }
  return loaded;
}

constexpr const char* kGood = "good: {sql: SELECT 1 AS v, columns: {v: {usage: gauge}}}\n";

TEST(CatalogTest, OneMalformedQueryNeverTakesItsFileDown) {
  const auto loaded = LoadText(std::string("bad: {sql: SELECT 1 AS v, columns: {v: {usage: gaug}}}\n") + kGood);
  ASSERT_EQ(loaded.catalog->definitions().size(), 1U);
  EXPECT_EQ(loaded.catalog->definitions()[0]->id, "good");
  EXPECT_EQ(loaded.problems,
            "q.yaml:1:48: bad.columns.v.usage: expected label, gauge, counter, discard, mapped, duration or histogram, "
            "found \"gaug\"\n");
}

TEST(CatalogTest, EveryMistakeIsSaidWithItsPlaceAndWhatToDo) {
  struct Case {
    const char* text;
    const char* part;
  };
  for (const auto& [text, part] : {
           Case{"q: {columns: {v: {usage: gauge}}}", "q.sql: expected an SQL statement"},
           Case{"q: {sql: 'SELECT 1; SELECT 2', columns: {v: {usage: gauge}}}", "expected one statement"},
           Case{"q: {sql: 'COPY t TO STDOUT', columns: {v: {usage: gauge}}}", "q.sql: expected a statement that reads"},
           Case{"q: {sql: 'SET x = 1', columns: {v: {usage: gauge}}}", "or EXPLAIN, found SET"},
           Case{"q: {sql: '-- nothing', columns: {v: {usage: gauge}}}", "q.sql: expected a statement that reads"},
           Case{"q: {sql: SELECT 1, when: '', columns: {v: {usage: gauge}}}", "q.when: expected an SQL statement"},
           Case{"q: {sql: SELECT 1, when: BEGIN, columns: {v: {usage: gauge}}}",
                "q.when: expected a statement that reads"},
           Case{"q: {sql: SELECT 1, columns: {l: {usage: label, scale: 2}, v: {usage: gauge}}}",
                "q.columns.l.scale: expected only where the column is one number"},
           Case{"q: {sql: SELECT 1, columns: {h: {usage: histogram, default: 0}}}",
                "q.columns.h.default: expected only"},
           Case{"q: {sql: SELECT 1, columns: {le: {usage: label}, h: {usage: histogram}}}",
                "a label \"le\" cannot stand"},
           Case{"q: {sql: SELECT 1, columns: {h: {usage: histogram}, h_sum: {usage: gauge}}}", "is declared twice"},
           Case{"pg: {sql: SELECT 1, columns: {up: {usage: gauge}}}", "pg_up is a name of the exporter's own"},
           Case{"pgvigil: {sql: SELECT 1, columns: {x: {usage: gauge}}}", "pgvigil_x is a name of the exporter's own"},
           Case{"q: {sql: SELECT 1}", "q.columns: missing"},
           Case{"q: {sql: SELECT 1, columns: {l: {usage: label}}}", "expected at least one column"},
           Case{"q: {sql: SELECT 1, columns: {v: {usage: gauge, frob: 1}}}", "q.columns.v.frob: unknown field"},
           Case{"q: {sql: SELECT 1, frob: 1, columns: {v: {usage: gauge}}}", "q.frob: unknown field"},
           Case{"q: {sql: SELECT 1, master: true, columns: {v: {usage: gauge}}}", "here it is role: primary"},
           Case{"q: {sql: SELECT 1, ttl: 10, columns: {v: {usage: gauge}}}", "here it is every"},
           Case{"q: {sql: SELECT 1, role: leader, columns: {v: {usage: gauge}}}",
                "expected one of any, primary, standby, found \"leader\""},
           Case{"q: {sql: SELECT 1, versions: '>=x', columns: {v: {usage: gauge}}}", "expected versions such as"},
           Case{"q: {sql: SELECT 1, versions: '>=15,<14', columns: {v: {usage: gauge}}}",
                "expected a range that holds some version"},
           Case{"q: {sql: SELECT 1, every: 5, columns: {v: {usage: gauge}}}", "q.every: expected a duration"},
           Case{"q: {sql: SELECT 1, timeout: 0s, columns: {v: {usage: gauge}}}", "that would mean no timeout"},
           Case{"q: {sql: SELECT 1, databases: [x], columns: {v: {usage: gauge}}}",
                "expected only with scope: database"},
           Case{"q: {sql: SELECT 1, columns: {pg_instance: {usage: label}, v: {usage: gauge}}}",
                "every series carries"},
           Case{"q: {sql: SELECT 1, columns: {v: {usage: mapped}}}", "metric_mapping is missing"},
           Case{"q: {sql: SELECT 1, columns: {'a-b': {usage: gauge}}}", "gives no metric name"},
           Case{"'1q': {sql: SELECT 1, columns: {v: {usage: gauge}}}", "expected a name of letters"},
           Case{"q: SELECT 1", "expected a map with sql and columns"},
           Case{"q: {sql: SELECT 1, columns: {a: {usage: gauge, name: x}, b: {usage: gauge, name: x}}}",
                "another column is the metric q_x"},
           Case{"- 1", "expected a map of query names"},
       }) {
    const auto loaded = LoadText(text);
    EXPECT_TRUE(loaded.catalog->definitions().empty()) << text;
    EXPECT_NE(loaded.problems.find(part), std::string::npos) << text << "\n" << loaded.problems;
    EXPECT_TRUE(loaded.problems.starts_with("q.yaml:1:")) << loaded.problems;
  }
}

TEST(CatalogTest, OneFamilyMayComeFromSeveralQueriesWhoseVersionsAreApart) {
  const std::string two =
      "a: {name: x, sql: SELECT 1 AS v, versions: \"<17\", columns: {v: {usage: gauge}}}\n"
      "b: {name: x, sql: SELECT 2 AS v, versions: \">=17\", columns: {v: {usage: gauge}}}\n";
  EXPECT_EQ(LoadText(two).problems, "");
  const auto overlapping =
      LoadText(two + "c: {name: x, sql: SELECT 3 AS v, versions: \"16\", columns: {v: {usage: gauge}}}\n");
  EXPECT_NE(overlapping.problems.find("x_v comes from a as well"), std::string::npos) << overlapping.problems;
  const auto other_type =
      LoadText(two + "c: {name: x, sql: SELECT 3 AS v, versions: \">=19\", columns: {v: {usage: counter}}}\n");
  EXPECT_NE(other_type.problems.find("x_v is a gauge in a and a counter here"), std::string::npos)
      << other_type.problems;
}

TEST(CatalogTest, NoSeriesOfAHistogramIsAlsoAnothersFamily) {
  const auto loaded = LoadText(
      "a: {name: x, sql: SELECT 1, columns: {h: {usage: histogram}}}\n"
      "b: {name: x_h, sql: SELECT 1, columns: {count: {usage: gauge}}}\n");
  EXPECT_EQ(loaded.catalog->definitions().size(), 1U);
  EXPECT_NE(loaded.problems.find("x_h_count of x_h_count is a series of x_h as well"), std::string::npos)
      << loaded.problems;
}

TEST(CatalogTest, TheSameNameMayStandInFilesOfTwoPrefixes) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "prefixed.yaml";
  std::ofstream(path) << kGood;
  base::Diagnostics diagnostics;
  const auto catalog = Catalog::Load({.file_sets = {{path, ""}, {path, "cnpg"}}}, diagnostics);
  EXPECT_EQ(diagnostics.Format(), "");
  ASSERT_EQ(catalog->definitions().size(), 2U);
  EXPECT_EQ(catalog->definitions()[0]->id, "good");
  EXPECT_EQ(catalog->definitions()[1]->id, "cnpg_good");
  EXPECT_EQ(catalog->definitions()[1]->block_columns->at(0).family, "cnpg_good_v");
}

TEST(CatalogTest, AQueryOfEveryDatabaseWithoutALabelIsWarnedOf) {
  const auto loaded = LoadText("q: {sql: SELECT 1 AS v, scope: database, columns: {v: {usage: gauge}}}\n");
  EXPECT_EQ(loaded.catalog->definitions().size(), 1U);
  EXPECT_NE(loaded.problems.find("warning: q.columns: no column is a label"), std::string::npos) << loaded.problems;
}

TEST(CatalogTest, EqualQueriesOfTwoLoadsAreKnownToBeEqual) {
  const auto content = [](const std::string& text) { return LoadText(text).catalog->definitions().at(0)->content; };
  const std::string query = "q: {sql: SELECT 1 AS v, every: 5m, columns: {v: {usage: gauge, description: V}}}\n";
  EXPECT_EQ(content(query), content(query));
  EXPECT_EQ(content(query),
            content("q: {sql: SELECT 1 AS v, every: 1m, columns: {v: {usage: gauge, description: V}}}\n"));
  for (const char* other : {"q: {sql: SELECT 2 AS v, columns: {v: {usage: gauge, description: V}}}\n",
                            "q: {sql: SELECT 1 AS v, columns: {v: {usage: counter, description: V}}}\n",
                            "q: {sql: SELECT 1 AS v, columns: {v: {usage: gauge, description: W}}}\n",
                            "q: {sql: SELECT 1 AS v, columns: {v: {usage: gauge, description: V, scale: 2}}}\n"}) {
    EXPECT_NE(content(query), content(other)) << other;
  }
}

TEST(CatalogTest, ADisabledQueryLoadsOnlyWhenItIsNamedOfItsFiles) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "disabled.yaml";
  std::ofstream(path) << "off: {sql: SELECT 1 AS v, enabled: false, columns: {v: {usage: gauge}}}\n";
  const auto ids = [&](const Options& options, const std::string& problems) {
    base::Diagnostics diagnostics;
    const auto catalog = Catalog::Load(options, diagnostics);
    EXPECT_EQ(diagnostics.Format(), problems);
    EXPECT_TRUE(catalog->AllFilesRead());
    std::vector<std::string> found;
    for (const auto& definition : catalog->definitions()) found.push_back(definition->id);
    return found;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({.file_sets = {{path, ""}, {path, "x"}}}, ""), Ids{});
  EXPECT_EQ(ids({.file_sets = {{path, "", {{"off"}}}, {path, "x"}}}, ""), Ids{"off"});
  EXPECT_EQ(ids({.file_sets = {{path, ""}, {path, "x", {{"off"}}}}}, ""), Ids{"x_off"});
  EXPECT_EQ(ids({.file_sets = {{path, ""}, {path, "x", {{"x_off"}}}}}, ""), Ids{"x_off"});
  EXPECT_EQ(ids({.file_sets = {{path, "x"}}, .enable_all = true}, ""), Ids{"x_off"});
  Wanted nosuch{"nosuch"};
  nosuch.place = {"c.yaml", 3, 7};
  nosuch.path = "queries[0].enable[0]";
  EXPECT_EQ(ids({.file_sets = {{path, "", {nosuch}}}},
                "c.yaml:3:7: queries[0].enable[0]: no query of these files is named \"nosuch\"\n"),
            Ids{});
}

TEST(CatalogTest, AFileThatIsMissingOrNoYamlIsMoreThanAMalformedQuery) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "whole.yaml";
  struct Case {
    const char* text;  // or none at all
    bool all_read;
    const char* part;
  };
  for (const auto& [text, all_read, part] : {
           Case{nullptr, false, "c.yaml:2:9: queries[0].files: no query file matches"},
           Case{"a: [", false, "not YAML"},
           Case{"[1]", false, "expected a map of query names"},
           Case{"a: 1", true, "a: expected a map"},
           Case{"a: {sql: SELECT 1, sql: SELECT 2, columns: {v: {usage: gauge}}}", true, "a.sql: duplicate key"},
           Case{"", true, ""},
       }) {
    std::remove(path.c_str());
    if (text != nullptr) std::ofstream(path) << text;
    base::Diagnostics diagnostics;
    const auto catalog =
        Catalog::Load({.file_sets = {{path, "", {}, {"c.yaml", 2, 9}, "queries[0].files"}}}, diagnostics);
    EXPECT_EQ(catalog->AllFilesRead(), all_read) << part;
    EXPECT_TRUE(catalog->definitions().empty()) << part;
    EXPECT_NE(diagnostics.Format().find(part), std::string::npos) << diagnostics.Format();
  }
}

TEST(CatalogTest, TheColumnsMayBeTheOlderListAndUsageInAnyCase) {
  const auto loaded = LoadText(
      "q:\n  query: SELECT 1 AS v, 'x' AS l;\n  metrics:\n  - l: {usage: LABEL}\n  - v: {usage: COUNTER, name: "
      "v_total}\n");
  ASSERT_EQ(loaded.problems, "");
  const auto& definition = *loaded.catalog->definitions()[0];
  EXPECT_EQ(definition.sql, "SELECT 1 AS v, 'x' AS l");
  EXPECT_EQ(definition.block_columns->at(0).family, "q_v_total");
  EXPECT_EQ(definition.block_columns->at(0).type, metrics::Type::kCounter);
}

TEST(CatalogTest, TheShippedFilesLoadWithoutAWord) {
  base::Diagnostics diagnostics;
  const auto catalog =
      Catalog::Load({.file_sets = {{std::string(PGVIGIL_SOURCE_DIR) + "/queries/*.yaml", ""}}}, diagnostics);
  EXPECT_EQ(diagnostics.Format(), "");
  EXPECT_GT(catalog->definitions().size(), 30U);
  for (const auto& definition : catalog->definitions()) {
    for (const auto& column : *definition->block_columns) {
      EXPECT_FALSE(column.help.empty()) << definition->id << " " << column.family;
      EXPECT_EQ(column.type == metrics::Type::kCounter, column.family.ends_with("_total")) << column.family;
      EXPECT_TRUE(column.family.starts_with("pg_")) << column.family;
    }
  }
  EXPECT_NE(Explain(*catalog).find("pg_replication_slots_retained_bytes{slot_name,slot_type,datname} gauge"),
            std::string::npos);
}

TEST(VersionsTest, CompareMajorsAndMinors) {
  struct Case {
    const char* text;
    int version;
    bool contained;
  };
  for (const auto& [text, version, contained] :
       {Case{">=13", 130000, true}, Case{">=13", 120022, false}, Case{"<17", 169999, true}, Case{"<17", 170000, false},
        Case{"16", 160004, true}, Case{"16", 170000, false}, Case{"<=16", 160009, true}, Case{">16", 160009, false},
        Case{">=14, <16", 150001, true}, Case{">=14.5", 140004, false}, Case{">=14.5", 140005, true}}) {
    const auto range = ParseVersions(text);
    ASSERT_TRUE(range.ok()) << text;
    EXPECT_EQ(range->Contains(version), contained) << text << " " << version;
  }
}

TEST(DefinitionTest, AnExcludedDatabaseIsOutWhateverTheOrder) {
  Definition definition;
  definition.scope = QueryScope::kDatabase;
  for (const auto& patterns :
       {std::vector<std::string>{"*", "!template*"}, std::vector<std::string>{"!template*", "*"}}) {
    definition.databases = patterns;
    EXPECT_TRUE(MatchesDatabase(definition, "app"));
    EXPECT_FALSE(MatchesDatabase(definition, "template1"));
  }
  definition.scope = QueryScope::kServer;
  EXPECT_FALSE(MatchesDatabase(definition, "app"));
}

TEST(DefinitionTest, ExclusionsAloneExcludeFromEverything) {
  const auto loaded = LoadText(
      "q: {sql: SELECT 1, scope: database, databases: ['!x'], columns: {l: {usage: label}, v: {usage: gauge}}}\n");
  const auto& definition = *loaded.catalog->definitions().at(0);
  EXPECT_TRUE(MatchesDatabase(definition, "app"));
  EXPECT_FALSE(MatchesDatabase(definition, "x"));
}

TEST(SqlTextTest, FindsASecondStatementOutsideQuotesAndComments) {
  for (const char* sql : {"SELECT 1; SELECT 2", "SELECT ';'; SELECT 2", "SELECT $$;$$; x", "SELECT E'\\';'; x",
                          "/* ; /* ; */ */ SELECT 1; x"}) {
    EXPECT_TRUE(HasSeveralStatements(sql)) << sql;
  }
  for (const char* sql : {"SELECT 1", "SELECT ';'", "SELECT \"a;b\"", "SELECT $x$;$x$", "SELECT 1 -- ; more",
                          "SELECT /* ; */ 1", "SELECT 1; -- end", "SELECT E'\\';'", "SELECT 'it''s;'", "SELECT $1"}) {
    EXPECT_FALSE(HasSeveralStatements(sql)) << sql;
  }
  EXPECT_EQ(OneStatement(" SELECT 1 ;\n; "), "SELECT 1");
}

TEST(SqlTextTest, KnowsTheWordAStatementStartsWith) {
  EXPECT_EQ(FirstWord("select 1"), "SELECT");
  EXPECT_EQ(FirstWord("-- why\n/* and /* how */ */ ((Values (1)))"), "VALUES");
  EXPECT_EQ(FirstWord("-- nothing"), "");
  EXPECT_EQ(FirstWord("1"), "");
}

}  // namespace
}  // namespace pgvigil::query
