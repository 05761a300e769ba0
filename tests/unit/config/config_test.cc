#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "base/text.h"
#include "unit/config/config_scene.h"

namespace pgvigil::config {
namespace {

TEST_F(ConfigTest, FillsEveryModulesOptions) {
  const auto config = LoadText(R"(
listen: "127.0.0.1:9999"
queries: [{files: q/*.yaml, prefix: cnpg, enable: [statements]}]
clusters:
  - name: orders
    namespace: shop
    instances:
      - {name: orders-1, dsn: "host=10.0.0.1 user=pgvigil", password_file: password}
      - {name: orders-2, dsn: "postgresql://pgvigil@10.0.0.2/app"}
    objectives: {rpo_primary: 5s}
objectives: {rpo_primary: 1m, connection_usage: 0.5}
limits: {scrape_timeout: 5s, connections_per_instance: 4, series_per_query: 10, series_per_page: 100}
intervals: {observe_primary: 500ms, observe_standby: 2s}
log: {level: debug, format: json}
)");
  ASSERT_TRUE(config) << problems_;
  EXPECT_EQ(config->web.listen, "127.0.0.1:9999");
  EXPECT_EQ(config->queries.file_sets[0].prefix, "cnpg");
  EXPECT_EQ(config->queries.file_sets[0].files, directory_ + "q/*.yaml") << "relative paths start at the file's folder";
  EXPECT_EQ(config->queries.file_sets[0].enable.at(0).name, "statements");
  EXPECT_EQ(config->queries.file_sets[0].enable.at(0).path, "queries[0].enable[0]");
  EXPECT_EQ(config->queries.series_per_query, 10U);
  ASSERT_EQ(config->observe.clusters.size(), 1U);
  const auto& cluster = config->observe.clusters[0];
  EXPECT_EQ(cluster.name, (cluster::ClusterName{"shop", "orders"}));
  EXPECT_EQ(cluster.objectives.rpo_primary, std::chrono::seconds(5)) << "the cluster's own wins";
  EXPECT_EQ(cluster.objectives.connection_usage, 0.5) << "then the file's";
  EXPECT_EQ(cluster.objectives.rto, std::chrono::minutes(2)) << "then the default";
  EXPECT_EQ(cluster.instances[0].credentials->Password().ok(), true);
  EXPECT_EQ(cluster.instances[1].dsn.Get("dbname"), "app");
  EXPECT_EQ(config->observe.observe_primary, std::chrono::milliseconds(500));
  EXPECT_EQ(config->scrape.connections_per_instance, 4);
  EXPECT_EQ(config->scrape.series_per_page, 100U);
  EXPECT_EQ(config->log.format, base::LogFormat::kJson);
}

TEST_F(ConfigTest, SaysAllMistakesOfFormAtOnceEachAtItsPlace) {
  EXPECT_FALSE(LoadText(R"(listn: ":9187"
clusters:
  - nmae: orders
    replica: yes
    instances: {name: a}
limits: {scrape_timeout: 10, connections_per_instance: -1}
objectives: {rto: 2 m, connection_usage: 1.5, replication_lag_bytes: 256MB}
log: {level: loud}
)"));
  EXPECT_EQ(
      problems_,
      "c.yaml:1:1: listn: unknown key; did you mean \"listen\"?\n"
      "c.yaml:3:5: clusters[0].nmae: unknown key; did you mean \"name\"?\n"
      "c.yaml:3:5: clusters[0].name: missing: Name of the cluster: the label pg_cluster\n"
      "c.yaml:4:14: clusters[0].replica: expected true or false, found \"yes\"\n"
      "c.yaml:5:16: clusters[0].instances: expected a list of maps with at least one, found a map\n"
      "c.yaml:6:26: limits.scrape_timeout: expected a duration such as 500ms, 30s, 5m, 26h or 7d, 1s or more, found "
      "\"10\"\n"
      "c.yaml:6:56: limits.connections_per_instance: expected a whole number from 2 to 100, found \"-1\"\n"
      "c.yaml:7:19: objectives.rto: expected a duration such as 500ms, 30s, 5m, 26h or 7d, found \"2 m\"\n"
      "c.yaml:7:42: objectives.connection_usage: expected a number from 0 to 1, found \"1.5\"\n"
      "c.yaml:7:70: objectives.replication_lag_bytes: expected a size such as 512KiB, 16MiB, 8GiB or a number of "
      "bytes, found \"256MB\"\n"
      "c.yaml:8:14: log.level: expected one of debug, info, warn, error, found \"loud\"\n");
}

TEST_F(ConfigTest, SaysWhatOneKeyAloneCannotTell) {
  EXPECT_FALSE(LoadText(R"(clusters:
  - name: a
    instances:
      - {name: x, dsn: "host=a password=hunter2"}
      - {name: x, dsn: "host=a,b"}
      - {name: y, dsn: "host=a", password_file: nowhere}
      - {name: z, dsn: "nonsense"}
      - {name: v, dsn: "host=a"}
  - {name: a, instances: [{name: x, dsn: "host=c", password_env: PGVIGIL_TEST_UNSET}]}
  - {name: b, instances: []}
limits: {connections_per_instance: 1, scrape_timeout: 500ms}
intervals: {observe_primary: 1ms}
web: {config_file: none.yaml}
listen: nonsense
)"));
  for (const char* part : {
           "c.yaml:4:24: clusters[0].instances[0].dsn: holds a secret (password)",
           "c.yaml:5:24: clusters[0].instances[1].dsn: expected one host, found 2",
           "c.yaml:5:16: clusters[0].instances[1].name: clusters[0].instances[0] has the same name",
           "clusters[0].instances[2].password_file: cannot read nowhere: No such file or directory",
           "clusters[0].instances[3].dsn: expected a connection string",
           "c.yaml:8:24: clusters[0].instances[4].dsn: clusters[0].instances[2] has the same connection string",
           "clusters[1].instances[0].password_env: the environment variable PGVIGIL_TEST_UNSET is not set",
           "clusters[1].name: clusters[0] has the same name",
           "clusters[2].instances: expected a list of maps with at least one, found an empty list",
           "limits.connections_per_instance: expected a whole number from 2 to 100, found \"1\"",
           "limits.scrape_timeout: expected a duration such as 500ms, 30s, 5m, 26h or 7d, 1s or more",
           "intervals.observe_primary: expected a duration such as 500ms, 30s, 5m, 26h or 7d, from 100ms to 5m",
           "c.yaml:14:9: listen: expected an address such as :9187",
           "web.config_file: cannot read none.yaml",
       }) {
    EXPECT_NE(problems_.find(part), std::string::npos) << part << "\nin\n" << problems_;
  }
  EXPECT_EQ(problems_.find("hunter2"), std::string::npos) << "a secret is not repeated";
}

TEST_F(ConfigTest, NoMistakeHidesAnother) {
  EXPECT_FALSE(LoadText(R"(listn: 1
clusters:
  - name: a
    name: b
    instances:
      - {name: x, dsn: "host=a password=hunter2"}
      - {name: x, dsn: "host=b", password_file: nowhere}
web: {config_file: none.yaml}
)"));
  EXPECT_EQ(problems_,
            "c.yaml:1:1: listn: unknown key; did you mean \"listen\"?\n"
            "c.yaml:4:5: clusters[0].name: duplicate key: it is already there on line 3\n"
            "c.yaml:6:24: clusters[0].instances[0].dsn: holds a secret (password), which would be seen in files and "
            "process lists: put it into a file and name that as password_file\n"
            "c.yaml:7:16: clusters[0].instances[1].name: clusters[0].instances[0] has the same name\n"
            "c.yaml:7:49: clusters[0].instances[1].password_file: cannot read nowhere: No such file or directory\n"
            "c.yaml:8:20: web.config_file: cannot read none.yaml: No such file or directory\n");
}

TEST_F(ConfigTest, WhatIsNamedIsReadEvenIfTheRestIsWrong) {
  base::Diagnostics diagnostics;
  const auto config =
      Read(Write("c.yaml", "listn: 1\nweb: {config_file: password}\nqueries: [{files: q.yaml, prefix: 'a b'}]\n"), {},
           "/nowhere", diagnostics);
  EXPECT_TRUE(diagnostics.HasErrors());
  EXPECT_EQ(config.web.config_file, directory_ + "password");
  EXPECT_EQ(config.queries.file_sets.at(0).files, directory_ + "q.yaml");
  EXPECT_EQ(config.queries.file_sets.at(0).prefix, "") << "said once, and not of every query";
}

TEST_F(ConfigTest, EmptyAndImpossibleValuesAreRefused) {
  const std::string clusters = "clusters: [{name: a, instances: [{name: x, dsn: \"host=h\"}]}]\n";
  struct Case {
    std::string text;
    const char* part;
  };
  for (const auto& [text, part] : {
           Case{"clusters: [{name: '', instances: [{name: x, dsn: 'host=h'}]}]",
                "clusters[0].name: expected text that"},
           Case{"clusters: [{name: a, instances: [{name: '', dsn: 'host=h'}]}]",
                "instances[0].name: expected text that"},
           Case{"clusters: [{name: a, instances: [{name: x, dsn: ''}]}]",
                "instances[0].dsn: expected text that is not"},
           Case{"clusters: [{name: a, instances: [{name: x, dsn: 'host=h sslmode=maybe'}]}]", "dsn: sslmode: expected"},
           Case{clusters + "limits: {series_per_query: 0}",
                "limits.series_per_query: expected a whole number, 1 or more"},
           Case{clusters + "limits: {connections_per_instance: 4294967295}", "expected a whole number from 2 to 100"},
           Case{clusters + "queries: []", "queries: expected a list of maps with at least one"},
           Case{clusters + "queries: [{files: q.yaml, prefix: 1a}]", "c.yaml:2:35: queries[0].prefix: expected a name"},
           Case{"listen: ':1'", "c.yaml:1:1: clusters: no server is named"},
           Case{"listen: ':1'\nclusters: []", "c.yaml:2:11: clusters: no server is named"},
       }) {
    EXPECT_FALSE(LoadText(text)) << text;
    EXPECT_NE(problems_.find(part), std::string::npos) << text << "\n" << problems_;
    EXPECT_EQ(std::count(problems_.begin(), problems_.end(), '\n'), 1) << text << "\n" << problems_;
  }
}

TEST_F(ConfigTest, TheCommandLineIsCheckedAsTheFileIs) {
  Overrides good;
  good.dsns = {"host=a"};
  struct Case {
    std::function<void(Overrides&)> change;
    const char* error;
  };
  for (const auto& [change, error] : {
           Case{[](auto& o) { o.dsns = {""}; }, "--dsn: expected a connection string"},
           Case{[](auto& o) { o.dsns = {"host=a", "host=a"}; }, "--dsn: the server a:5432 is named twice"},
           Case{[](auto& o) { o.cluster = ""; }, "--cluster: expected a name"},
           Case{[](auto& o) { o.listen = "nonsense"; }, "--listen: expected an address such as :9187, 127.0.0.1:9187"},
           Case{[](auto& o) { o.password_file = "/nope"; }, "--password-file: cannot read /nope: No such file"},
           Case{[](auto& o) { o.web_config_file = "/nope"; }, "--web.config-file: cannot read /nope: No such file"},
           Case{[this](auto& o) {
                  o.dsns = {};
                  o.password_file = directory_ + "password";
                },
                "--password-file: is for the servers of --dsn, and there is none"},
       }) {
    auto overrides = good;
    change(overrides);
    EXPECT_FALSE(LoadFile("", overrides)) << error;
    EXPECT_EQ(problems_.rfind(error, 0), 0U) << problems_;
  }
}

TEST_F(ConfigTest, TheFilesObjectivesHoldForServersNamedElsewhere) {
  Overrides overrides;
  overrides.dsns = {"host=a"};
  const auto config = LoadFile(Write("c.yaml", "objectives: {rpo_primary: 5s}\n"), overrides);
  ASSERT_TRUE(config) << problems_;
  EXPECT_EQ(config->observe.clusters.at(0).objectives.rpo_primary, std::chrono::seconds(5));
  setenv("PGHOST", "b", 1);
  const auto of_environment = LoadFile(Write("c.yaml", "objectives: {rpo_primary: 5s}\n"), {});
  unsetenv("PGHOST");
  ASSERT_TRUE(of_environment) << problems_;
  EXPECT_EQ(of_environment->observe.clusters.at(0).objectives.rpo_primary, std::chrono::seconds(5));
}

TEST_F(ConfigTest, WhatIsShownOfAConfigurationIsOne) {
  setenv("PGVIGIL_TEST_SET", "hunter2", 1);
  const auto config = LoadText(R"(
listen: "127.0.0.1:9999"
queries: [{files: q/*.yaml, prefix: cnpg, enable: [statements, "a: b"]}, {files: r.yaml}]
clusters:
  - name: orders
    namespace: shop
    replica: true
    instances:
      - {name: orders-1, dsn: "host=10.0.0.1 user='a b'", password_file: password}
      - {name: orders-2, dsn: "host=10.0.0.2", password_env: PGVIGIL_TEST_SET}
    objectives: {rpo_primary: 5s, backup_age: 26h}
limits: {scrape_timeout: 5s, series_per_query: 10}
log: {level: warn}
)");
  ASSERT_TRUE(config) << problems_;
  EXPECT_EQ(config->redacted.find("hunter2"), std::string::npos);
  const auto again = LoadText(config->redacted);
  ASSERT_TRUE(again) << problems_ << config->redacted;
  EXPECT_EQ(again->redacted, config->redacted);
  EXPECT_EQ(again->queries.file_sets.at(0).enable.at(1).name, "a: b");
  EXPECT_TRUE(observe::SameServer(again->observe.clusters.at(0).instances.at(0),
                                  config->observe.clusters.at(0).instances.at(0)));
}

TEST_F(ConfigTest, RefusesFilesThatAreNoConfiguration) {
  struct Case {
    std::string text;
    const char* part;
  };
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'l'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string(i > 0 ? "," : "") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  for (const auto& [text, part] : {
           Case{"listen: a\nlisten: b\n", "c.yaml:2:1: listen: duplicate key"},
           Case{"log:\n\tlevel: info\n", "c.yaml:2:1: a tab indents this line"},
           Case{std::string("\x7f"
                            "ELF\0\0",
                            6),
                "is this a binary file?"},
           Case{bomb, "expected at most 200000 values"},
           Case{std::string(100 << 20, '#'), "is larger than the 4MiB expected at most"},
           Case{"[1, 2]", "expected a map"},
           Case{"", "no server is named"},
       }) {
    EXPECT_FALSE(LoadText(text));
    EXPECT_NE(problems_.find(part), std::string::npos) << problems_;
  }
}

TEST_F(ConfigTest, DsnsOnTheCommandLineExpandToInstances) {
  Overrides overrides;
  overrides.dsns = {"host=db1,db2 port=5433 user=pgvigil", "host=db3"};
  overrides.cluster = "orders";
  overrides.password_file = directory_ + "password";
  const auto config = LoadFile("", overrides);
  ASSERT_TRUE(config) << problems_;
  const auto& cluster = config->observe.clusters.at(0);
  EXPECT_EQ(cluster.name.name, "orders");
  ASSERT_EQ(cluster.instances.size(), 3U);
  EXPECT_EQ(cluster.instances[0].name, "db1:5433");
  EXPECT_EQ(cluster.instances[1].name, "db2:5433");
  EXPECT_EQ(cluster.instances[2].name, "db3:5432");
  EXPECT_EQ(*cluster.instances[0].credentials->Password(), "secret");
}

TEST_F(ConfigTest, DataSourceNameMayHoldAPasswordThatIsNeverShown) {
  setenv("DATA_SOURCE_NAME", "postgresql://pgvigil:hunter2@db1:5433/app?sslmode=require", 1);
  const auto config = LoadFile("", {});
  ASSERT_TRUE(config) << problems_;
  const auto& instance = config->observe.clusters.at(0).instances.at(0);
  EXPECT_EQ(instance.name, "db1:5433");
  EXPECT_EQ(*instance.credentials->Password(), "hunter2");
  EXPECT_EQ(config->redacted.find("hunter2"), std::string::npos);
  EXPECT_NE(config->redacted.find("sslmode=require"), std::string::npos);
}

TEST_F(ConfigTest, DataSourceNameMayListServersAndShowsNoneOfTheirPasswords) {
  setenv("DATA_SOURCE_NAME", "postgresql://u:hunter2@h:1/db,postgresql://u:hunter3@h:2/db", 1);
  const auto config = LoadFile("", {});
  ASSERT_TRUE(config) << problems_;
  const auto& instances = config->observe.clusters.at(0).instances;
  ASSERT_EQ(instances.size(), 2U);
  EXPECT_EQ(instances[1].name, "h:2");
  EXPECT_EQ(*instances[0].credentials->Password(), "hunter2");
  EXPECT_EQ(*instances[1].credentials->Password(), "hunter3");
  EXPECT_EQ(config->redacted.find("hunter"), std::string::npos) << config->redacted;
  EXPECT_TRUE(LoadText(config->redacted)) << problems_ << config->redacted;
}

TEST_F(ConfigTest, AMissingFileOfTheEnvironmentIsAnError) {
  setenv("DATA_SOURCE_URI", "db1:5433/app", 1);
  setenv("DATA_SOURCE_PASS_FILE", "/nope", 1);
  EXPECT_FALSE(LoadFile("", {}));
  EXPECT_EQ(problems_, "DATA_SOURCE_PASS_FILE: cannot read /nope: No such file or directory\n");
}

TEST_F(ConfigTest, DataSourceUriTakesUserAndPasswordFromBeside) {
  setenv("DATA_SOURCE_URI", "db1:5433/app", 1);
  setenv("DATA_SOURCE_USER", "monitor", 1);
  setenv("DATA_SOURCE_PASS_FILE", (directory_ + "password").c_str(), 1);
  const auto config = LoadFile("", {});
  ASSERT_TRUE(config) << problems_;
  const auto& instance = config->observe.clusters.at(0).instances.at(0);
  EXPECT_EQ(instance.dsn.Get("user"), "monitor");
  EXPECT_EQ(*instance.credentials->Password(), "secret");
}

TEST_F(ConfigTest, LibpqsOwnVariablesNameAServerAsWell) {
  setenv("PGHOST", "db9", 1);
  const auto config = LoadFile("", {});
  unsetenv("PGHOST");
  ASSERT_TRUE(config) << problems_;
  EXPECT_EQ(config->observe.clusters.at(0).instances.at(0).name, "db9:5432");
}

TEST_F(ConfigTest, TheExampleOfTheDocumentationLoads) {
  const auto config = LoadFile(std::string(PGVIGIL_SOURCE_DIR) + "/docs/examples/pgvigil.yaml", {});
  EXPECT_TRUE(config) << problems_;
}

TEST_F(ConfigTest, TheGeneratedPagesAreUpToDate) {
  const std::string docs = std::string(PGVIGIL_SOURCE_DIR) + "/docs/";
  EXPECT_EQ(*base::ReadFile(docs + "configuration-reference.md", 1 << 20) + "\n", ReferencePage())
      << "write it anew: pgvigil check --print-reference > docs/configuration-reference.md";
  EXPECT_EQ(*base::ReadFile(docs + "pgvigil.schema.json", 1 << 20) + "\n", JsonSchema())
      << "write it anew: pgvigil check --print-schema > docs/pgvigil.schema.json";
}

}  // namespace
}  // namespace pgvigil::config
