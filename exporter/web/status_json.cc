#include "web/status_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/text.h"
#include "web/json.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using observe::ArchiveReading;
using observe::ClusterView;

constexpr std::size_t kMostBackups = 20;
constexpr std::size_t kMostGaps = 20;
constexpr std::size_t kMostFailovers = 20;

Json ToJson(const Statement& statement) {
  Json json{{"standing", Name(statement.standing)}, {"text", base::ValidUtf8(statement.text)}};
  Put(json, "next", statement.next);
  for (const auto& line : statement.details) json["details"].push_back(base::ValidUtf8(line));
  return json;
}

Json ToJson(const Evidence& evidence) {
  Json json{{"source", evidence.source}, {"name", base::ValidUtf8(evidence.name)}};
  Put(json, "read_at", evidence.read);
  Put(json, "age_seconds", evidence.age_seconds);
  Put(json, "error", evidence.error);
  return json;
}

Json ToJson(const Answer& answer) {
  Json json{{"question", answer.question}, {"asks", answer.asks}, {"standing", Name(WorstOf(answer))}};
  json["says"] = Json::array();
  json["evidence"] = Json::array();
  for (const auto& statement : answer.says) json["says"].push_back(ToJson(statement));
  for (const auto& evidence : answer.evidence) json["evidence"].push_back(ToJson(evidence));
  return json;
}

Json ToJson(const verdict::Lag& lag) {
  Json json{{"bytes", lag.bytes}};
  Put(json, "seconds", std::optional(lag.seconds));
  if (lag.seconds_at_least) json["seconds_at_least"] = true;
  return json;
}

Json InstanceJson(const cluster::InstanceState& state, const verdict::InstanceVerdict& judged) {
  Json json{{"name", base::ValidUtf8(state.name)}, {"answering", judged.answering}};
  if (judged.role) json["role"] = *judged.role == cluster::Role::kPrimary ? "primary" : "standby";
  Put(json, "timeline", judged.timeline);
  if (judged.replication) json["replication"] = verdict::Name(*judged.replication);
  if (judged.received) json["received"] = ToJson(*judged.received);
  if (judged.replayed) json["replayed"] = ToJson(*judged.replayed);
  if (!state.sql.up && state.sql.error) Put(json, "error", state.sql.error->message);
  return json;
}

// JSON has no infinity: a loss without bound is `everything`.
Json LossJson(const std::optional<verdict::Loss>& loss, const std::optional<base::Milliseconds>& objective) {
  Json json = Json::object();
  if (loss) {
    json["everything"] = std::isinf(loss->bytes);
    if (!std::isinf(loss->bytes)) json["bytes"] = static_cast<std::uint64_t>(loss->bytes);
    Put(json, "seconds", std::optional(loss->seconds));
  }
  Put(json, "objective_seconds", objective);
  return json;
}

// One archive, as far as it is known.
class ArchiveJson {
 public:
  ArchiveJson(const ArchiveReading& reading, const verdict::ArchiveNow& now) : reading_(reading), now_(now) {}

  Json Make() const {
    const auto& state = reading_.state;
    Json json{{"name", base::ValidUtf8(state.name)}, {"source", state.source}};
    Put(json, "place", state.place);
    json["known"] = now_.known;
    if (state.store.up || state.store.error) json["readable"] = state.store.up;
    Put(json, "read_at", state.store.last_success);
    if (!state.store.up && state.store.error) {
      json["error"] = {{"kind", base::Name(state.store.error->kind)},
                       {"message", base::ValidUtf8(SpokenError(*state.store.error))}};
    }
    if (state.clock_skew) json["clock_skew_seconds"] = base::Seconds(*state.clock_skew);
    if (!now_.known) return json;
    json["evidence"] = state.contents->proves ? "proof" : "claim";
    json["backups"] = Backups();
    json["backups_total"] = state.contents->catalogue.backups.size();
    if (state.contents->proves) AddProven(json);
    return json;
  }

 private:
  void AddProven(Json& json) const {
    const auto& verdict = *reading_.verdict;
    if (now_.effective) json["effective"] = *now_.effective;
    Put(json, "backlog_bytes", now_.backlog_bytes);
    Put(json, "backlog_segments", now_.backlog_segments);
    json["timeline"] = verdict.timeline;
    json["highest_timeline"] = verdict.highest_timeline;
    if (verdict.proven_end) json["proven_end"] = wal::Format(*verdict.proven_end);
    json["windows"] = Json::array();
    for (std::size_t i = 0; i < verdict.windows.size(); ++i) json["windows"].push_back(WindowJson(reading_, now_, i));
    json["gaps"] = Json::array();
    for (std::size_t i = 0; i < std::min(verdict.gaps.size(), kMostGaps); ++i)
      json["gaps"].push_back(GapJson(reading_, verdict.gaps[i]));
    json["gaps_total"] = verdict.gaps.size();
    json["missing_histories"] = verdict.missing_histories;
    json["unreadable_histories"] = verdict.unreadable_histories;
    json["switch_missing_segments"] = verdict.switch_missing_segments;
    if (!now_.conflicts) return;
    json["conflicts"] = {{"stranger", now_.conflicts->strangers},
                         {"timeline", now_.conflicts->timeline},
                         {"position", now_.conflicts->position}};
  }

  // The newest first.
  Json Backups() const {
    const auto& backups = reading_.state.contents->catalogue.backups;
    Json list = Json::array();
    for (auto i = backups.size(); i > 0 && list.size() < kMostBackups; --i) {
      list.push_back(BackupJson(reading_, i - 1));
    }
    return list;
  }

  const ArchiveReading& reading_;
  const verdict::ArchiveNow& now_;
};

Json ToJson(const cluster::FailoverEvent& event) {
  Json json{{"kind", cluster::Name(event.kind)}};
  Put(json, "from", event.from);
  Put(json, "to", event.to);
  json["timeline"] = event.timeline;
  if (event.switch_lsn) json["switch_lsn"] = wal::Format(*event.switch_lsn);
  Put(json, "last_good", event.last_good);
  Put(json, "serving", event.serving);
  if (event.outage) Put(json, "outage_seconds", std::optional(base::Seconds(*event.outage)));
  Put(json, "lost_bytes", event.lost_bytes);
  if (event.sample_age) Put(json, "sample_age_seconds", std::optional(base::Seconds(*event.sample_age)));
  return json;
}

// The newest first.
void AddFailovers(const failover::FailoverHistory& history, Json& json) {
  json["failovers"] = Json::array();
  for (auto event = history.events.rbegin(); event != history.events.rend(); ++event) {
    if (json["failovers"].size() == kMostFailovers) break;
    json["failovers"].push_back(ToJson(*event));
  }
  if (history.whole)
    json["failovers_total"] = std::accumulate(history.counts.begin(), history.counts.end(), std::uint64_t{0});
}

Json ClusterJson(const ClusterView& view, const Moment& now) {
  const auto answers = AnswersOf(view, now);
  Json json = Json::object();
  Put(json, "namespace", view.state.name.space);
  json["cluster"] = base::ValidUtf8(view.state.name.name);
  json["standing"] = Name(WorstOf(answers));
  json["replica"] = view.state.replica;
  for (const auto& answer : answers) json["answers"].push_back(ToJson(answer));
  Put(json, "timeline", view.verdict.timeline);
  if (view.verdict.primary) json["primary"] = base::ValidUtf8(view.state.instances[*view.verdict.primary].name);
  json["instances"] = Json::array();
  for (std::size_t i = 0; i < view.state.instances.size(); ++i)
    json["instances"].push_back(InstanceJson(view.state.instances[i], view.verdict.instances[i]));
  const auto& objectives = view.state.objectives;
  if (!view.state.replica) json["loss"]["primary"] = LossJson(view.verdict.rpo_primary, objectives.rpo_primary);
  json["loss"]["site"] = LossJson(
      view.site.rpo_site, objectives.rpo_site ? objectives.rpo_site : verdict::DefaultSiteObjective(view.state));
  if (view.failovers) AddFailovers(*view.failovers, json);
  json["archives"] = Json::array();
  for (std::size_t i = 0; i < view.archives.size(); ++i)
    json["archives"].push_back(ArchiveJson(*view.archives[i], view.site.archives[i]).Make());
  return json;
}

}  // namespace

std::string StatusJson(const observe::FleetView& fleet, std::string_view version, const Moment& now) {
  Json clusters = Json::array();
  auto worst = fleet.empty() ? Standing::kUnknown : Standing::kFine;
  for (const auto& view : fleet) {
    const auto holds = HoldsNow(*view, now.steady);
    worst = std::max(worst, WorstOf(AnswersOf(holds, now)));
    clusters.push_back(ClusterJson(holds, now));
  }
  const Json status{
      {"version", version}, {"at", Moment8601(now.wall)}, {"standing", Name(worst)}, {"clusters", std::move(clusters)}};
  return status.dump(1) + "\n";
}

}  // namespace pgvigil::web
