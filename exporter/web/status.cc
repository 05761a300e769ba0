#include "web/status.h"

#include <algorithm>

#include "web/words.h"

namespace pgvigil::web {
namespace {

Evidence EvidenceOf(std::string source, std::string name, const cluster::SourceState& state, const Moment& now) {
  Evidence evidence{std::move(source), std::move(name), state.last_success, {}, {}};
  if (state.last_success_steady) evidence.age_seconds = base::Seconds(now.steady - *state.last_success_steady);
  if (!state.up && state.error) evidence.error = SpokenError(*state.error);
  return evidence;
}

}  // namespace

std::string_view Name(Standing standing) {
  constexpr std::array<std::string_view, 4> kNames = {"note", "fine", "unknown", "broken"};
  return kNames[static_cast<std::size_t>(standing)];
}

observe::ClusterView HoldsNow(observe::ClusterView view, base::SteadyTime now) {
  view.verdict = verdict::At(std::move(view.verdict), now);
  return view;
}

std::array<Answer, 4> AnswersOf(const observe::ClusterView& view, const Moment& now) {
  return {AnswerPrimary(view, now), AnswerLoss(view, now), AnswerRestore(view, now), AnswerLately(view, now)};
}

Standing WorstOf(const Answer& answer) {
  auto worst = Standing::kFine;
  for (const auto& statement : answer.says) worst = std::max(worst, statement.standing);
  return worst;
}

Standing WorstOf(const std::array<Answer, 4>& answers) {
  auto worst = Standing::kFine;
  for (const auto& answer : answers) worst = std::max(worst, WorstOf(answer));
  return worst;
}

std::vector<Evidence> SqlEvidence(const observe::ClusterView& view, const Moment& now) {
  std::vector<Evidence> evidence;
  for (const auto& instance : view.state.instances)
    evidence.push_back(EvidenceOf("sql", instance.name, instance.sql, now));
  return evidence;
}

std::vector<Evidence> ArchiveEvidence(const observe::ClusterView& view, const Moment& now) {
  std::vector<Evidence> evidence;
  for (const auto& archive : view.archives)
    evidence.push_back(EvidenceOf(archive->state.source, archive->state.name, archive->state.store, now));
  return evidence;
}

std::optional<base::WallTime> ServerNow(const observe::ClusterView& view, const Moment& now) {
  const cluster::InstanceFacts* newest = nullptr;
  for (std::size_t i = 0; i < view.state.instances.size(); ++i) {
    const auto& instance = view.state.instances[i];
    if (!instance.facts || instance.foreign) continue;
    if (newest == nullptr || instance.facts->received > newest->received) newest = instance.facts.get();
    if (view.verdict.primary == i) {
      newest = instance.facts.get();
      break;
    }
  }
  if (newest == nullptr) return std::nullopt;
  return newest->server_time + std::chrono::duration_cast<std::chrono::microseconds>(now.steady - newest->received);
}

std::string_view InstanceRemedy(const cluster::InstanceState& state) {
  if (state.foreign) return "It belongs to another cluster: take it out of this one's configuration.";
  switch (state.sql.error->kind) {
    case base::ErrorKind::kAuth: return "Check the user, its password file and the server's pg_hba.conf.";
    case base::ErrorKind::kPermission: return "Grant pg_monitor and CONNECT on the database to the user.";
    case base::ErrorKind::kRefused: return "Check that the server runs, and its host and port.";
    case base::ErrorKind::kTimeout: return "Check whether the server hangs, and firewalls on the way to it.";
    case base::ErrorKind::kNotFound: return "Check the host's name and the database's.";
    case base::ErrorKind::kLimit: return "Check max_connections and the user's CONNECTION LIMIT.";
    case base::ErrorKind::kUnavailable: return "It starts, stops or recovers: its log says more.";
    default: return "The logs of pgvigil and of the server say more.";
  }
}

std::string_view ArchiveRemedy(const base::Error& error) {
  switch (error.kind) {
    case base::ErrorKind::kAuth: return "Check the archive's access key, its files and the store's certificate.";
    case base::ErrorKind::kPermission: return "Allow pgvigil to list and read the place.";
    case base::ErrorKind::kNotFound: return "Check the archive's bucket, path or directory in the configuration.";
    case base::ErrorKind::kTimeout:
    case base::ErrorKind::kRefused:
    case base::ErrorKind::kUnavailable: return "Check that the store runs, its endpoint, and the way to it.";
    default: return "The log of pgvigil says more.";
  }
}

std::optional<Statement> ReadingTrouble(const observe::ArchiveReading& reading, bool known, const Moment& now) {
  const auto& state = reading.state;
  const auto& store = state.store;
  if (!store.up && !store.error)
    return Statement{Standing::kUnknown, "Not known yet: archive " + state.name + " is being read for the first time."};
  std::string last = ", and never could be";
  if (store.last_success_steady)
    last = "; it was last read " + SpokenSeconds(base::Seconds(now.steady - *store.last_success_steady)) + " ago";
  if (!store.up) {
    return Statement{Standing::kUnknown,
                     (known ? "Archive " : "Not known, because archive ") + state.name + " cannot be read" + last +
                         (known ? ", and what follows is from then: " : ": ") + SpokenError(*store.error),
                     std::string(ArchiveRemedy(*store.error))};
  }
  if (known) return std::nullopt;
  return Statement{Standing::kUnknown,
                   "Not known, because the last reading of archive " + state.name + " is too old" + last + ".",
                   "Look whether a reading hangs: the log of pgvigil says more."};
}

}  // namespace pgvigil::web
