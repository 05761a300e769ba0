// clusters[].schedules[] of the configuration.
#include "config/schedules.h"

#include <algorithm>

#include "unit/cluster/cron_scene.h"
#include "unit/config/config_scene.h"

namespace pgvigil::config {
namespace {

// One cluster with these archives and schedules, one list entry a line from line 5 on.
std::string Schedules(const std::string& entries, const std::string& archive = "{name: nfs, directory: {path: /nfs}}") {
  return "clusters:\n  - name: orders\n    archive: [" + archive + "]\n    schedules:\n" + entries +
         "    instances: [{name: x, dsn: \"host=a\"}]\n";
}

using SchedulesTest = ConfigTest;

TEST_F(SchedulesTest, EveryKeyIsRead) {
  const auto config = LoadText(Schedules(
      "      - {name: nightly, cron: \"0 0 2 * * *\", timezone: Europe/Berlin, match: {method: dump, type: full}}\n"
      "      - {name: hourly, cron: \"@every 1h\", suspend: true}\n"
      "      - {name: early, cron: \"30 2 * * *\"}\n"));
  ASSERT_TRUE(config) << problems_;
  EXPECT_EQ(problems_, "");
  const auto& schedules = config->observe.clusters.at(0).schedules;
  ASSERT_EQ(schedules.size(), 3U);
  EXPECT_EQ(schedules[0].name, "nightly");
  EXPECT_EQ(schedules[0].match_method, "dump");
  EXPECT_EQ(schedules[0].match_type, "full");
  EXPECT_FALSE(schedules[0].suspended);
  EXPECT_FALSE(schedules[0].created) << "only a ScheduledBackup has a beginning";
  const auto january = cluster::At("2026-01-05 12:00:00");
  EXPECT_EQ(schedules[0].cron.Next(january), cluster::At("2026-01-06 01:00:00")) << "02:00 in Berlin";
  EXPECT_TRUE(schedules[1].cron.counts_from_last_start());
  EXPECT_TRUE(schedules[1].suspended);
  EXPECT_FALSE(schedules[1].match_method);
  EXPECT_FALSE(schedules[1].match_type);
  EXPECT_EQ(schedules[2].cron.Next(january), cluster::At("2026-01-06 02:30:00")) << "five fields, in UTC";
}

TEST_F(SchedulesTest, SaysAllMistakesEachAtItsPlace) {
  EXPECT_FALSE(
      LoadText(Schedules("      - {name: a, cron: \"61 * * * *\"}\n"
                         "      - {name: a, cron: \"@daily\"}\n"
                         "      - {name: b, cron: \"@daily\", timezone: Europe/Atlantis}\n"
                         "      - {name: c, cron: \"@daily\", match: {method: pgbackrest}}\n"
                         "      - {name: d, cron: \"@daily\", match: {method: tar, type: half}}\n"
                         "      - {name: '', cron: '', timezone: '', suspend: maybe}\n"
                         "      - {crom: \"@daily\"}\n")));
  EXPECT_EQ(problems_,
            "c.yaml:5:25: clusters[0].schedules[0].cron: minute: expected 0 to 59, found \"61\"\n"
            "c.yaml:6:16: clusters[0].schedules[1].name: clusters[0].schedules[0] has the same name\n"
            "c.yaml:7:45: clusters[0].schedules[2].timezone: expected a time zone such as Europe/Berlin, "
            "found \"Europe/Atlantis\"\n"
            "c.yaml:8:51: clusters[0].schedules[3].match.method: no archive of the cluster holds such backups; they "
            "hold: barman, basebackup, dump, snapshot\n"
            "c.yaml:9:51: clusters[0].schedules[4].match.method: expected one of barman, snapshot, pgbackrest, walg, "
            "basebackup, dump, found \"tar\"\n"
            "c.yaml:9:62: clusters[0].schedules[4].match.type: expected one of full, diff, incr, found \"half\"\n"
            "c.yaml:10:16: clusters[0].schedules[5].name: expected text that is not empty, found \"\"\n"
            "c.yaml:10:26: clusters[0].schedules[5].cron: expected text that is not empty, found \"\"\n"
            "c.yaml:10:40: clusters[0].schedules[5].timezone: expected text that is not empty, found \"\"\n"
            "c.yaml:10:53: clusters[0].schedules[5].suspend: expected true or false, found \"maybe\"\n"
            "c.yaml:11:9: clusters[0].schedules[6].name: missing: Name of the schedule: the label schedule\n"
            "c.yaml:11:9: clusters[0].schedules[6].cron: missing: When backups are to start: five fields as in "
            "crontab, six with seconds first, @daily and the like, or @every 1h30m\n"
            "c.yaml:11:10: clusters[0].schedules[6].crom: unknown key; did you mean \"cron\"?\n");
}

TEST_F(SchedulesTest, AMethodIsThatOfSomeArchive) {
  struct Case {
    const char* archive;
    std::vector<std::string> methods;
  };
  const std::vector<std::string> all = {"barman", "snapshot", "pgbackrest", "walg", "basebackup", "dump"};
  for (const auto& [archive, methods] : {
           Case{"{name: a, barman: {directory: /b, server: s}}", {"barman", "snapshot"}},
           Case{"{name: a, directory: {path: /b}}", {"barman", "snapshot", "basebackup", "dump"}},
           Case{"{name: a, pgbackrest: {stanza: s, repo: {directory: /b}}}", {"pgbackrest"}},
           Case{"{name: a, walg: {directory: /b}}, {name: b, pgbackrest: {stanza: s, info_file: /i}}",
                {"walg", "pgbackrest"}},
       }) {
    for (const auto& method : all) {
      const bool held = std::find(methods.begin(), methods.end(), method) != methods.end();
      const auto config =
          LoadText(Schedules("      - {name: s, cron: \"@daily\", match: {method: " + method + "}}\n", archive));
      EXPECT_EQ(config != nullptr, held) << archive << " " << method << "\n" << problems_;
    }
  }
}

TEST_F(SchedulesTest, WithoutAnArchiveNoBackupWouldBeSeen) {
  EXPECT_FALSE(
      LoadText("clusters:\n  - name: a\n    instances: [{name: x, dsn: \"host=a\"}]\n"
               "    schedules: [{name: s, cron: \"@daily\"}]\n"));
  EXPECT_EQ(problems_,
            "c.yaml:4:16: clusters[0].schedules: the cluster has no archive in which their backups would be seen: name "
            "one under archive\n");
}

TEST_F(SchedulesTest, WhatWasProbablyNotMeantIsAWarningAndLoads) {
  EXPECT_TRUE(
      LoadText(Schedules("      - {name: a, cron: \"* * 2 * * *\"}\n"
                         "      - {name: b, cron: \"0 0 31 2 *\"}\n")));
  EXPECT_EQ(problems_,
            "c.yaml:5:25: warning: clusters[0].schedules[0].cron: \"* * 2 * * *\" fires again after 1 s: of six fields "
            "the first is seconds, of five it is minutes, and `*` is each of them\n"
            "c.yaml:6:25: warning: clusters[0].schedules[1].cron: \"0 0 31 2 *\" does not fire within five years\n");
}

}  // namespace
}  // namespace pgvigil::config
