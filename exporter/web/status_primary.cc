// Who is primary, and can it fail over now?
#include <algorithm>

#include "verdict/readiness.h"
#include "verdict/replication.h"
#include "web/status.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using observe::ClusterView;
using verdict::InstanceVerdict;
using verdict::ReplicationState;

std::string LagText(const verdict::Lag& lag) {
  return SpokenBytes(static_cast<double>(lag.bytes)) + " (" + (lag.seconds_at_least ? "at least " : "") +
         SpokenSeconds(lag.seconds) + ")";
}

bool IsStandbyOnPath(const InstanceVerdict& judged) {
  return judged.role == cluster::Role::kStandby && judged.replication != ReplicationState::kDiverged;
}

void SayPrimary(const ClusterView& view, std::vector<Statement>& says) {
  const auto& verdict = view.verdict;
  if (view.state.instances.empty()) {
    says.push_back({Standing::kUnknown, "Not known, because no instance is configured.",
                    "Name the cluster's servers under `instances` in the configuration."});
    return;
  }
  std::string names;
  for (const auto& judged : verdict.instances) {
    if (judged.role == cluster::Role::kPrimary) names += (names.empty() ? "" : ", ") + judged.name;
  }
  if (verdict.primaries.value_or(0) > 1) {
    says.push_back({Standing::kBroken, "More than one instance answers as primary: " + names + ".",
                    "Stop the one that applications must not write to before anything else."});
  } else if (verdict.primaries == 1) {
    const auto timeline = verdict.timeline ? ", on timeline " + std::to_string(*verdict.timeline) : std::string();
    says.push_back({Standing::kFine, "Primary: " + names + timeline + "."});
  } else if (view.state.replica) {
    says.push_back({Standing::kNote, "This is a replica cluster: no primary is expected here."});
  } else if (verdict.primaries == 0) {
    says.push_back({Standing::kBroken, "No instance answers as primary: all are standbys."});
  } else {
    says.push_back({Standing::kUnknown, "Who is primary is not known: no instance answers as primary, and " +
                                            std::to_string(verdict.declared - verdict.ready) + " of " +
                                            Counted(static_cast<std::size_t>(verdict.declared), "instance") +
                                            (verdict.declared - verdict.ready == 1 ? " does" : " do") +
                                            " not answer."});
  }
}

void SayCandidate(const InstanceVerdict& best, bool behind, std::vector<Statement>& says) {
  const auto& lag = *best.received;
  const std::string state(best.replication ? verdict::Name(*best.replication) : "in an unknown state");
  if (behind) {
    says.push_back({Standing::kBroken,
                    "It should not fail over now: " + best.name + ", the best standby, is " + state + " and lacks " +
                        LagText(lag) + " of the primary's WAL, more than the objective.",
                    "Let it catch up, or accept the loss of what it lacks."});
  } else {
    says.push_back({Standing::kFine, "It can fail over: " + best.name + " is " + state + " and lacks " + LagText(lag) +
                                         " of the primary's WAL."});
  }
}

// Without a primary nothing can be measured, but who has most can be told.
void SayMostReceived(const ClusterView& view, std::vector<Statement>& says) {
  const InstanceVerdict* most = nullptr;
  std::pair<std::uint32_t, wal::Lsn> position;
  for (std::size_t i = 0; i < view.verdict.instances.size(); ++i) {
    const auto& judged = view.verdict.instances[i];
    if (!IsStandbyOnPath(judged)) continue;
    const auto received = verdict::ReceivedPosition(*view.state.instances[i].facts);
    if (!received) continue;
    const std::pair<std::uint32_t, wal::Lsn> own{judged.timeline.value_or(0), *received};
    if (most == nullptr || own > position) {
      most = &judged;
      position = own;
    }
  }
  if (most == nullptr) {
    says.push_back({Standing::kUnknown, "Whether it can fail over is not known: no standby answers."});
  } else {
    says.push_back({Standing::kUnknown,
                    "Whether it can fail over is not known without a primary to measure against. Of "
                    "the standbys that answer " +
                        most->name + " has received most: up to " + wal::Format(position.second) + " on timeline " +
                        std::to_string(position.first) + "."});
  }
}

void SayFailover(const ClusterView& view, std::vector<Statement>& says) {
  if (view.state.replica || view.state.instances.empty()) return;
  if (view.state.instances.size() == 1) {
    says.push_back({Standing::kNote, "It cannot fail over: no standby is configured."});
  } else if (!view.verdict.primary) {
    SayMostReceived(view, says);
  } else if (const auto readiness = verdict::JudgeReadiness(view.state, view.verdict); readiness.candidate) {
    const bool behind = readiness.Blocks(verdict::FailoverBlocker::kStandbyBehind).value_or(false);
    SayCandidate(view.verdict.instances[*readiness.candidate], behind, says);
  } else {
    says.push_back({Standing::kBroken, "It cannot fail over: no standby answers that follows the primary.",
                    "Bring a standby back before anything is done to the primary."});
  }
}

void SaySynchronous(const ClusterView& view, std::vector<Statement>& says) {
  const auto& verdict = view.verdict;
  if (!verdict.sync_required || *verdict.sync_required == 0) return;
  const auto streaming = verdict.sync_streaming.value_or(0);
  const auto required = std::to_string(*verdict.sync_required);
  const auto waiters = verdict.sync_waiters.value_or(0);
  if (streaming < *verdict.sync_required) {
    says.push_back({Standing::kBroken,
                    "Commits wait: synchronous_standby_names asks for " + required + " and " +
                        std::to_string(streaming) + " follow; " + Counted(static_cast<std::size_t>(waiters), "commit") +
                        " waiting now.",
                    "Bring a synchronous standby back, or take it out of synchronous_standby_names."});
  } else {
    says.push_back({Standing::kFine,
                    "Synchronous standbys: " + required + " asked for, " + std::to_string(streaming) + " stream."});
  }
}

// Those that something is wrong with.
void SayInstances(const ClusterView& view, const Moment& now, std::vector<Statement>& says) {
  for (std::size_t i = 0; i < view.state.instances.size(); ++i) {
    const auto& state = view.state.instances[i];
    const auto& judged = view.verdict.instances[i];
    if (!state.sql.up && state.sql.error) {
      std::string last;
      if (state.sql.last_success_steady)
        last = " (last answer " + SpokenSeconds(base::Seconds(now.steady - *state.sql.last_success_steady)) + " ago)";
      says.push_back({Standing::kUnknown, state.name + " does not answer: " + state.sql.error->message + last,
                      std::string(InstanceRemedy(state))});
    } else if (!judged.answering) {
      says.push_back(
          {Standing::kUnknown, state.name + (state.sql.up ? " has not answered lately." : " is being asked.")});
    } else if (judged.replication && *judged.replication != ReplicationState::kStreaming) {
      // Without a primary there is nothing to be connected to.
      const bool broken = *judged.replication == ReplicationState::kDiverged ||
                          (*judged.replication == ReplicationState::kDisconnected && view.verdict.primary);
      says.push_back({broken ? Standing::kBroken : Standing::kNote,
                      "Standby " + state.name + " is " + std::string(verdict::Name(*judged.replication)) + "."});
    }
  }
}

}  // namespace

Answer AnswerPrimary(const ClusterView& view, const Moment& now) {
  Answer answer{"primary", "Who is primary, and can it fail over now?", {}, SqlEvidence(view, now)};
  SayPrimary(view, answer.says);
  SayFailover(view, answer.says);
  SaySynchronous(view, answer.says);
  SayInstances(view, now, answer.says);
  return answer;
}

}  // namespace pgvigil::web
