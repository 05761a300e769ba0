#include "verdict/verdict.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "verdict/replication.h"
#include "verdict/synchronous.h"

namespace pgvigil::verdict {
namespace {

using cluster::ClusterState;
using cluster::InstanceState;
using cluster::PositionClock;
using cluster::Role;

constexpr auto kHoldLoss = std::chrono::minutes(5);
constexpr auto kReplayRoseLately = std::chrono::minutes(5);
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

bool Answering(const InstanceState& instance, base::SteadyTime now, const Freshness& freshness) {
  if (!instance.sql.up || !instance.facts || instance.foreign) return false;
  const auto limit = instance.facts->role == Role::kPrimary ? freshness.primary : freshness.standby;
  return now - instance.facts->received <= limit;
}

// Of two that answer as primary, the one on the higher timeline is the cluster's.
const InstanceState* FindPrimary(const ClusterState& state, const ClusterVerdict& verdict) {
  const InstanceState* primary = nullptr;
  for (std::size_t i = 0; i < state.instances.size(); ++i) {
    const auto& instance = state.instances[i];
    if (!verdict.instances[i].answering || instance.facts->role != Role::kPrimary) continue;
    if (primary == nullptr || instance.facts->timeline > primary->facts->timeline) primary = &instance;
  }
  return primary;
}

// The primary's flush position when the standby was read; the oldest known one for a moment before that.
std::optional<wal::Lsn> FlushedThen(const PositionClock& clock, base::SteadyTime then) {
  if (clock.empty()) return std::nullopt;
  return clock.FlushedAt(std::max(then, clock.oldest().at));
}

std::uint64_t Behind(wal::Lsn reference, wal::Lsn position) {
  return reference > position ? reference.bytes - position.bytes : 0;
}

std::optional<Lag> LagOf(const cluster::InstanceFacts& standby, std::optional<wal::Lsn> position,
                         const PositionClock& clock) {
  const auto flushed = FlushedThen(clock, standby.received);
  if (!position || !flushed) return std::nullopt;
  Lag lag;
  lag.bytes = Behind(*flushed, *position);
  if (lag.bytes == 0) return lag;
  if (const auto held = clock.LastHeld(*position, standby.received)) {
    lag.seconds = base::Seconds(standby.received - *held);
    return lag;
  }
  lag.seconds_at_least = true;
  lag.seconds = std::max(0.0, base::Seconds(standby.received - clock.oldest().at));
  if (standby.last_replayed_commit) {
    lag.seconds = std::max(lag.seconds, base::Seconds(standby.server_time - *standby.last_replayed_commit));
  }
  return lag;
}

void JudgeStandby(const InstanceState& instance, const InstanceState* primary, const PositionClock& clock,
                  const InstanceVerdict* previous, InstanceVerdict& verdict) {
  const auto& facts = *instance.facts;
  verdict.replay_position = facts.replayed;
  if (previous != nullptr) verdict.replay_rose = previous->replay_rose;
  if (previous != nullptr && previous->replay_position && facts.replayed > previous->replay_position) {
    verdict.replay_rose = facts.received;
  }
  ReplicationEvidence evidence;
  evidence.replay_rises = verdict.replay_rose && facts.received - *verdict.replay_rose <= kReplayRoseLately;
  if (primary != nullptr) {
    auto switch_lsn = clock.SwitchLsn(primary->facts->timeline.value_or(0));
    if (!switch_lsn)
      switch_lsn = primary->facts->replayed;  // a promoted server's stays at the switch until it restarts
    evidence.diverged = Diverged(facts, *primary->facts, switch_lsn);
    evidence.walsender = FindWalsender(*primary->facts, instance);
  }
  verdict.replication = Classify(instance, evidence);
  if (evidence.diverged) return;  // not on the path: it has no lag
  verdict.received = LagOf(facts, ReceivedPosition(facts), clock);
  verdict.replayed = LagOf(facts, facts.replayed, clock);
  if (verdict.replayed && instance.settings) {
    verdict.replayed->seconds =
        std::max(0.0, verdict.replayed->seconds - base::Seconds(instance.settings->recovery_min_apply_delay));
  }
}

void JudgeSynchronous(const cluster::InstanceFacts& primary, ClusterVerdict& verdict) {
  verdict.sync_required = RequiredSynchronousStandbys(primary.synchronous_standby_names);
  const auto counts = [](const cluster::Walsender& sender) {
    return sender.state == "streaming" && (sender.sync_state == "sync" || sender.sync_state == "quorum");
  };
  verdict.sync_streaming =
      static_cast<int>(std::count_if(primary.walsenders.begin(), primary.walsenders.end(), counts));
  verdict.sync_waiters = primary.sync_rep_waiters;
}

// What this standby does not have of what the primary had when the standby was read. Seconds count only from when there
// was something to lose: an idle primary writes a few hundred bytes for ever.
Loss LossWithout(const cluster::InstanceFacts& standby, wal::Lsn received, const PositionClock& clock) {
  Loss loss;
  loss.bytes = static_cast<double>(Behind(*FlushedThen(clock, standby.received), received));
  if (loss.bytes == 0) return loss;
  const auto began = clock.LossBegan(received);
  if (began && *began < standby.received) loss.seconds = base::Seconds(standby.received - *began);
  return loss;
}

std::optional<Loss> PrimaryLoss(const ClusterState& state, const ClusterVerdict& verdict, const PositionClock& clock) {
  const bool all_tried = std::all_of(state.instances.begin(), state.instances.end(), [](const InstanceState& instance) {
    return instance.sql.up || instance.sql.error;
  });
  if (!all_tried || clock.empty())
    return std::nullopt;  // just started: a standby that was not asked yet is not a missing one
  Loss least{kUnbounded, kUnbounded};
  for (std::size_t i = 0; i < state.instances.size(); ++i) {
    const auto& judged = verdict.instances[i];
    if (!judged.answering || judged.role != Role::kStandby || judged.replication == ReplicationState::kDiverged)
      continue;
    const auto& facts = *state.instances[i].facts;
    if (const auto received = ReceivedPosition(facts)) {
      const auto loss = LossWithout(facts, *received, clock);
      if (loss.bytes < least.bytes) least = loss;
    }
  }
  return least;
}

void JudgeLoss(const ClusterState& state, const PositionClock& clock, const InstanceState* primary,
               const ClusterVerdict* previous, ClusterVerdict& verdict) {
  if (state.replica) return;
  if (primary != nullptr) {
    verdict.rpo_primary = PrimaryLoss(state, verdict, clock);
    if (verdict.rpo_primary) verdict.rpo_measured = primary->facts->received;
  } else if (previous != nullptr) {
    verdict.rpo_primary = previous->rpo_primary;
    verdict.rpo_measured = previous->rpo_measured;
  }
}

}  // namespace

ClusterVerdict Judge(const ClusterState& state, const PositionClock& clock, base::SteadyTime now,
                     const Freshness& freshness, const ClusterVerdict* previous) {
  ClusterVerdict verdict;
  verdict.declared = static_cast<int>(state.instances.size());
  for (const auto& instance : state.instances) {
    auto& judged = verdict.instances.emplace_back();
    judged.name = instance.name;
    judged.answering = Answering(instance, now, freshness);
    if (!judged.answering) continue;
    ++verdict.ready;
    judged.role = instance.facts->role;
    judged.timeline = instance.facts->timeline;
  }
  const auto* primary = FindPrimary(state, verdict);
  if (!state.replica && (primary != nullptr || verdict.ready == verdict.declared)) {
    verdict.primaries =
        static_cast<int>(std::count_if(verdict.instances.begin(), verdict.instances.end(),
                                       [](const auto& judged) { return judged.role == Role::kPrimary; }));
  }
  if (primary != nullptr) {
    verdict.timeline = primary->facts->timeline;
    JudgeSynchronous(*primary->facts, verdict);
  }
  for (std::size_t i = 0; i < state.instances.size(); ++i) {
    auto& judged = verdict.instances[i];
    if (judged.role != Role::kStandby) continue;
    const InstanceVerdict* before = nullptr;
    if (previous != nullptr) {
      const auto same = std::find_if(previous->instances.begin(), previous->instances.end(),
                                     [&](const auto& old) { return old.name == judged.name; });
      if (same != previous->instances.end()) before = &*same;
    }
    JudgeStandby(state.instances[i], primary, clock, before, judged);
  }
  JudgeLoss(state, clock, primary, previous, verdict);
  return At(std::move(verdict), now);
}

ClusterVerdict At(ClusterVerdict verdict, base::SteadyTime now) {
  if (verdict.rpo_measured && now - *verdict.rpo_measured > kHoldLoss) verdict.rpo_primary.reset();
  return verdict;
}

}  // namespace pgvigil::verdict
