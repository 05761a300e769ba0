// The answers as JSON and as a piece of HTML.
#include "web/status_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "unit/web/status_scene.h"
#include "web/landing.h"
#include "web/status_html.h"

namespace pgvigil::web {
namespace {

nlohmann::json ClusterOf(const StatusScene& scene) {
  const auto json = StatusJson({std::make_shared<const observe::ClusterView>(scene.view)}, "1.2.3", kMoment);
  return nlohmann::json::parse(json).at("clusters").at(0);
}

TEST(StatusJsonTest, WhatIsKnownOfAClusterWithoutAnArchive) {
  auto cluster = ClusterOf(StatusScene());
  EXPECT_EQ(cluster["answers"][0].dump(), nlohmann::json::parse(R"({
    "question": "primary", "asks": "Who is primary, and can it fail over now?", "standing": "fine",
    "says": [{"standing": "fine", "text": "Primary: orders-1, on timeline 1."},
             {"standing": "fine",
              "text": "It can fail over: orders-2 is streaming and lacks 4.0 KiB (0.5 s) of the primary's WAL."}],
    "evidence": [
      {"source": "sql", "name": "orders-1", "read_at": "2027-01-15T07:59:59Z", "age_seconds": 1.0},
      {"source": "sql", "name": "orders-2", "read_at": "2027-01-15T07:59:59Z", "age_seconds": 1.0}]})")
                                              .dump());
  EXPECT_EQ(cluster["answers"].size(), 4);
  cluster.erase("answers");
  EXPECT_EQ(cluster.dump(), nlohmann::json::parse(R"({
    "cluster": "orders", "standing": "unknown", "replica": false, "timeline": 1, "primary": "orders-1",
    "instances": [
      {"name": "orders-1", "answering": true, "role": "primary", "timeline": 1},
      {"name": "orders-2", "answering": true, "role": "standby", "timeline": 1, "replication": "streaming",
       "received": {"bytes": 4096, "seconds": 0.5}, "replayed": {"bytes": 8192, "seconds": 1.5}}],
    "loss": {"primary": {"everything": false, "bytes": 0, "seconds": 0.0, "objective_seconds": 30.0}, "site": {}},
    "archives": []})")
                                .dump());
}

TEST(StatusJsonTest, FailoversTheNewestFirst) {
  StatusScene scene;
  const auto history = std::make_shared<failover::FailoverHistory>();
  cluster::FailoverEvent event;
  event.kind = cluster::FailoverKind::kFailover;
  event.from = "orders-1";
  event.to = "orders-2";
  event.timeline = 2;
  event.switch_lsn = wal::Lsn{0x3000060};
  event.last_good = Before(std::chrono::seconds(70));
  event.serving = Before(std::chrono::seconds(60));
  event.outage = std::chrono::milliseconds(10250);
  event.lost_bytes = 24576;
  event.sample_age = std::chrono::milliseconds(400);
  history->events = {{}, event};
  history->counts = {1, 2};
  scene.view.failovers = history;
  auto cluster = ClusterOf(scene);
  EXPECT_EQ(cluster["failovers"].size(), 2);
  EXPECT_EQ(cluster["failovers"][0].dump(), nlohmann::json::parse(R"({
    "kind": "failover", "from": "orders-1", "to": "orders-2", "timeline": 2, "switch_lsn": "0/3000060",
    "last_good": "2027-01-15T07:58:50Z", "serving": "2027-01-15T07:59:00Z", "outage_seconds": 10.25,
    "lost_bytes": 24576, "sample_age_seconds": 0.4})")
                                                .dump());
  EXPECT_EQ(cluster.count("failovers_total"), 0) << "the journal was not read";
  history->whole = true;
  EXPECT_EQ(ClusterOf(scene)["failovers_total"], 3);
}

TEST(StatusJsonTest, AnArchiveWithItsWindowBackupsAndGaps) {
  StatusScene scene;
  auto backup = verdict::BackupOf("a", 1, 11, 12);
  backup.begin_time = Before(std::chrono::seconds(120));
  backup.end_time = Before(std::chrono::seconds(60)) + std::chrono::microseconds(1);
  auto broken = verdict::BackupOf("b", 1, 15, 16);
  broken.begin_time = broken.end_time = Before(std::chrono::seconds(10));
  auto& now = scene.Has(verdict::Store()
                            .Has(1, 10, 20, Before(std::chrono::hours(1)))
                            .Lacks(1, 15)
                            .Confirmed(1, 15)
                            .With(backup)
                            .With(broken));
  now.window_ends[0] = kWall;
  now.commits_follow[0] = true;
  now.effective = true;
  now.backlog_bytes = 512;
  now.conflicts.emplace();
  scene.view.site.rpo_site = verdict::Loss{512, 3.25};
  const auto cluster = ClusterOf(scene);
  EXPECT_EQ(cluster["loss"]["site"].dump(),
            R"({"bytes":512,"everything":false,"objective_seconds":600.0,"seconds":3.25})");
  EXPECT_EQ(cluster["archives"][0].dump(), nlohmann::json::parse(R"({
    "name": "s3", "source": "objectstore", "place": "s3://backups/orders", "known": true, "readable": true,
    "read_at": "2027-01-15T07:59:50Z", "evidence": "proof",
    "backups": [
      {"id": "b", "method": "barman", "type": "full", "begin": "2027-01-15T07:59:50Z", "end": "2027-01-15T07:59:50Z",
       "claimed_done": true, "state": "broken", "why": "its WAL segment 00000001000000000000000F is not stored",
       "first_missing": "00000001000000000000000F"},
      {"id": "a", "method": "barman", "type": "full", "begin": "2027-01-15T07:58:00Z",
       "end": "2027-01-15T07:59:00.000001Z", "claimed_done": true, "state": "restorable"}],
    "backups_total": 2, "effective": true, "backlog_bytes": 512, "timeline": 1, "highest_timeline": 1,
    "proven_end": "0/F00000",
    "windows": [
      {"method": "barman", "evidence": "proof", "start": "2027-01-15T07:59:00.000001Z", "end": "2027-01-15T08:00:00Z",
       "end_lsn": "0/F00000", "start_backup": "a",
       "start_target": "recovery_target_time = '2027-01-15 07:59:00.000001+00'", "end_backup": "a",
       "end_target": "no target: to the end of WAL"}],
    "gaps": [{"first": "00000001000000000000000F", "last": "00000001000000000000000F", "segments": 1,
              "since": "2027-01-15T07:00:00Z", "pending": false}],
    "gaps_total": 1, "missing_histories": [], "unreadable_histories": [], "switch_missing_segments": 0,
    "conflicts": {"stranger": 0, "timeline": 0, "position": 0}})")
                                               .dump());
}

TEST(StatusJsonTest, NothingOfAnArchiveThatIsNotKnownLooksHealthy) {
  StatusScene scene;
  scene.CannotBeRead(base::ErrorKind::kAuth, "no such key");
  EXPECT_EQ(ClusterOf(scene)["archives"][0].dump(), nlohmann::json::parse(R"({
    "name": "s3", "source": "objectstore", "known": false, "readable": false,
    "error": {"kind": "auth", "message": "backups: no such key"}})")
                                                        .dump());
  scene.Has(verdict::Store()).known = false;
  EXPECT_FALSE(ClusterOf(scene)["archives"][0].contains("windows"));
  EXPECT_FALSE(ClusterOf(scene)["archives"][0].contains("backups"));
}

TEST(StatusJsonTest, EverythingHasNoBytes) {
  StatusScene scene;
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  scene.view.verdict.rpo_primary = verdict::Loss{kUnbounded, kUnbounded};
  EXPECT_EQ(ClusterOf(scene)["loss"]["primary"].dump(), R"({"everything":true,"objective_seconds":30.0})");
}

TEST(StatusJsonTest, NamesThatAreNoUtf8DoNotSpoilIt) {
  StatusScene scene;
  scene.view.state.instances[1].name = scene.view.verdict.instances[1].name = "b\xff";
  EXPECT_EQ(ClusterOf(scene)["instances"][1]["name"], "b\xEF\xBF\xBD");
}

TEST(StatusJsonTest, WithoutAClusterNothingIsFine) {
  EXPECT_EQ(nlohmann::json::parse(StatusJson({}, "1.2.3", kMoment)).dump(),
            R"({"at":"2027-01-15T08:00:00Z","clusters":[],"standing":"unknown","version":"1.2.3"})");
}

TEST(StatusHtmlTest, SaysEachAnswerWithItsAgeAndEscapesEverything) {
  std::array<Answer, 4> answers;
  answers[0] = {"primary",
                "Who?",
                {{Standing::kBroken, "<b> & \"c\"", "do 'it'", {"line <1>"}}, {Standing::kUnknown, "x", {}, {}}},
                {{"sql", "<db>", {}, 2.5, {}}, {"sql", "db2", {}, {}, {}}}};
  const auto html = AnswersHtml(answers);
  EXPECT_TRUE(html.starts_with(
      "<h3>Who?</h3>\n<ul class=\"says\">\n"
      "<li class=\"bad\"><span>&lt;b&gt; &amp; &quot;c&quot;</span><span class=\"todo\">→ do &#39;it&#39;</span>"
      "<ul class=\"lines\"><li>line &lt;1&gt;</li></ul></li>\n"
      "<li class=\"dim\"><span>x</span></li>\n"
      "</ul>\n<p class=\"todo\">Read: sql of &lt;db&gt; 2.5 s ago; sql of db2 never.</p>\n"))
      << html;
}

TEST(StatusHtmlTest, TheLandingPageHoldsTheAnswers) {
  StatusScene scene;
  scene.CannotBeRead(base::ErrorKind::kAuth, "no <such> key");
  const auto page = LandingPage({std::make_shared<const observe::ClusterView>(scene.view)}, "1.2.3", kMoment);
  EXPECT_TRUE(Has(page, "<h2>orders · <span class=\"dim\">not known in full</span></h2>"));
  EXPECT_TRUE(
      Has(page, "Not known, because archive s3 cannot be read, and never could be: backups: no &lt;such&gt; key"));
  EXPECT_TRUE(Has(page, "<a href=\"/api/v1/status?cluster=orders\">"));
}

}  // namespace
}  // namespace pgvigil::web
