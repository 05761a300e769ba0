// A cluster with an archive as the observer would have published it, in a few words.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "observe/view.h"
#include "unit/verdict/archive_scene.h"
#include "verdict/backup_summary.h"
#include "web/status.h"

namespace pgvigil::web {

// 2027-01-15 08:00:00 UTC; server and exporter agree.
inline const base::WallTime kWall{std::chrono::seconds(1'800'000'000)};
inline const Moment kMoment{base::SteadyTime(std::chrono::hours(100)), kWall};

inline base::WallTime Before(std::chrono::seconds span) { return kWall - span; }

// orders: a primary `orders-1` and a streaming standby `orders-2`, read a second ago.
class StatusScene {
 public:
  StatusScene() {
    view.state.name = {"", "orders"};
    view.state.objectives = cluster::Objectives::Defaults();
    Add("orders-1", cluster::Role::kPrimary);
    Add("orders-2", cluster::Role::kStandby);
    auto& verdict = view.verdict;
    verdict.primary = 0;
    verdict.primaries = 1;
    verdict.timeline = 1;
    verdict.declared = verdict.ready = 2;
    verdict.rpo_primary = verdict::Loss{0, 0};
    verdict.rpo_measured = kMoment.steady - std::chrono::seconds(1);
    verdict.instances[1].replication = verdict::ReplicationState::kStreaming;
    verdict.instances[1].received = verdict::Lag{4096, 0.5, false};
    verdict.instances[1].replayed = verdict::Lag{8192, 1.5, false};
  }

  // Archive `s3` with these contents, read 10 s ago; what the site's verdict says of it is the test's to set.
  verdict::ArchiveNow& Has(const verdict::Store& store) {
    reading = std::make_shared<observe::ArchiveReading>();
    reading->state.name = "s3";
    reading->state.source = "objectstore";
    reading->state.place = "s3://backups/orders";
    reading->state.store.up = true;
    reading->state.store.last_success = Before(std::chrono::seconds(10));
    reading->state.store.last_success_steady = kMoment.steady - std::chrono::seconds(10);
    reading->verdict = std::make_shared<verdict::ArchiveVerdict>(store.Judged({1, {}}, kWall));
    reading->backups = std::make_shared<verdict::BackupSummary>(
        verdict::Summarize(store.contents.catalogue, reading->verdict->backups));
    reading->state.contents = std::make_shared<cluster::ArchiveContents>(store.contents);
    view.archives = {reading};
    view.state.archives = {reading->state};
    view.site.archives.resize(1);
    view.site.archives[0].known = true;
    view.site.archives[0].window_ends.resize(reading->verdict->windows.size());
    view.site.archives[0].commits_follow.resize(reading->verdict->windows.size());
    return view.site.archives[0];
  }

  // Archive `s3` that could not be read once.
  StatusScene& CannotBeRead(base::ErrorKind kind, std::string message) {
    reading = std::make_shared<observe::ArchiveReading>();
    reading->state.name = "s3";
    reading->state.source = "objectstore";
    reading->state.store.error = base::Error{kind, std::move(message), "backups", "403"};
    view.archives = {reading};
    view.state.archives = {reading->state};
    view.site.archives.resize(1);
    return *this;
  }

  // The primary is gone, and what was measured is held.
  StatusScene& PrimaryDies() {
    auto& gone = view.state.instances[0];
    gone.sql.up = false;
    gone.sql.error = base::Error{base::ErrorKind::kRefused, "Connection refused", "db1:5432", {}};
    view.verdict.instances[0] = {};
    view.verdict.instances[0].name = gone.name;
    view.verdict.primary.reset();
    view.verdict.primaries.reset();
    view.verdict.timeline.reset();
    view.verdict.ready = 1;
    view.verdict.rpo_measured = kMoment.steady - std::chrono::seconds(90);
    view.verdict.instances[1].replication = verdict::ReplicationState::kDisconnected;
    view.verdict.instances[1].received.reset();
    return *this;
  }

  // "broken: It cannot fail over: …", a line each, with what to do and what belongs under it.
  std::string Says(const Answer& answer) const {
    std::string text;
    for (const auto& said : answer.says) {
      text += std::string(Name(said.standing)) + ": " + said.text + "\n";
      if (!said.next.empty()) text += "-> " + said.next + "\n";
      for (const auto& line : said.details) text += "- " + line + "\n";
    }
    return text;
  }
  std::string Primary() const { return Says(AnswerPrimary(view, kMoment)); }
  std::string Loss() const { return Says(AnswerLoss(view, kMoment)); }
  std::string Restore() const { return Says(AnswerRestore(view, kMoment)); }
  std::string Lately() const { return Says(AnswerLately(view, kMoment)); }

  observe::ClusterView view;
  std::shared_ptr<observe::ArchiveReading> reading;

 private:
  void Add(const std::string& name, cluster::Role role) {
    auto& state = view.state.instances.emplace_back();
    state.name = name;
    state.sql.up = true;
    state.sql.last_success = Before(std::chrono::seconds(1));
    state.sql.last_success_steady = kMoment.steady - std::chrono::seconds(1);
    cluster::InstanceFacts facts;
    facts.received = *state.sql.last_success_steady;
    facts.server_time = *state.sql.last_success;
    facts.postmaster_start = Before(std::chrono::days(30));
    facts.role = role;
    facts.timeline = 1;
    facts.replayed = facts.received_lsn = wal::Lsn{0x3000060};
    state.facts = std::make_shared<const cluster::InstanceFacts>(facts);
    auto& judged = view.verdict.instances.emplace_back();
    judged.name = name;
    judged.answering = true;
    judged.fresh_until = kMoment.steady + std::chrono::seconds(2);
    judged.role = role;
    judged.timeline = 1;
  }
};

inline bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace pgvigil::web
