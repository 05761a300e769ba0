#include "verdict/verdict.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "verdict/reference.h"
#include "verdict/replication.h"
#include "verdict/synchronous.h"

namespace pgvigil::verdict {
namespace {

using cluster::ClusterState;
using cluster::InstanceFacts;
using cluster::InstanceState;
using cluster::PositionClock;
using cluster::Role;

constexpr auto kHoldLoss = std::chrono::minutes(5);
constexpr auto kReplayRoseLately = std::chrono::minutes(5);
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// What every instance of a cluster is judged with.
struct Scene {
  const ClusterState& state;
  const PositionClock& clock;
  const Freshness& freshness;
  const InstanceState* reference;  // null: nobody answers whose position counts
};

// The primary's flush position when the standby was read: the oldest known one for a moment before that, and none after
// the primary fell silent, when it may have written anything.
std::optional<wal::Lsn> FlushedThen(const Scene& scene, base::SteadyTime then) {
  const auto& clock = scene.clock;
  if (clock.empty()) return std::nullopt;
  const auto silent = scene.state.replica ? scene.freshness.standby : scene.freshness.primary;
  if (then > clock.newest_seen() + silent) return std::nullopt;
  return clock.FlushedAt(std::max(then, clock.oldest().at));
}

std::uint64_t Behind(wal::Lsn reference, wal::Lsn position) {
  return reference > position ? reference.bytes - position.bytes : 0;
}

// Of a position before the oldest sample: since when at least the primary has been past it.
double SecondsAtLeast(const InstanceFacts& standby, wal::Lsn position, const PositionClock& clock) {
  const double known = std::max(0.0, base::Seconds(standby.received - clock.oldest().at));
  // What was received beyond the last replayed commit may hold later ones.
  if (!standby.last_replayed_commit || position != standby.replayed) return known;
  return std::max(known, base::Seconds(standby.server_time - *standby.last_replayed_commit));
}

std::optional<Lag> LagOf(const InstanceFacts& standby, std::optional<wal::Lsn> position, const Scene& scene) {
  const auto flushed = FlushedThen(scene, standby.received);
  if (!position || !flushed) return std::nullopt;
  Lag lag;
  lag.bytes = Behind(*flushed, *position);
  if (lag.bytes == 0) return lag;
  if (const auto held = scene.clock.LastHeld(*position, standby.received)) {
    lag.seconds = base::Seconds(standby.received - *held);
  } else {
    lag.seconds_at_least = true;
    lag.seconds = SecondsAtLeast(standby, *position, scene.clock);
  }
  return lag;
}

const InstanceVerdict* Find(const ClusterVerdict* verdict, const std::string& name) {
  if (verdict == nullptr) return nullptr;
  const auto found = std::find_if(verdict->instances.begin(), verdict->instances.end(),
                                  [&](const auto& instance) { return instance.name == name; });
  return found == verdict->instances.end() ? nullptr : &*found;
}

StandbyHistory Continue(const std::optional<StandbyHistory>& before, const InstanceFacts& facts) {
  StandbyHistory history;
  if (before && before->postmaster_start == facts.postmaster_start) history = *before;
  history.postmaster_start = facts.postmaster_start;
  if (history.replayed && facts.replayed > history.replayed) history.replay_rose = facts.received;
  history.replayed = facts.replayed;
  history.timeline = std::max(history.timeline, facts.timeline);
  return history;
}

// Whether its replay position rose within what archive recovery needs: segments come at least every archive_timeout.
bool ReplayRises(const InstanceState& standby, const StandbyHistory& history) {
  base::SteadyTime::duration lately = kReplayRoseLately;
  if (standby.settings) lately = std::max<base::SteadyTime::duration>(lately, 2 * standby.settings->archive_timeout);
  return history.replay_rose && standby.facts->received - *history.replay_rose <= lately;
}

// Control data follow a timeline only with the next restart point: where they alone speak, a standby that replays from
// an archive may be on a later timeline than they say.
bool MayBeOnALaterTimeline(const InstanceState& standby, const StandbyHistory& history) {
  if (!standby.facts->timeline_at_least || !standby.settings || !standby.settings->restore_command_set) return false;
  const auto restart_point_due =
      std::max<base::SteadyTime::duration>(2 * standby.settings->checkpoint_timeout, kReplayRoseLately);
  return history.replay_rose && standby.facts->received - *history.replay_rose <= restart_point_due;
}

bool Diverged(const InstanceState& standby, const InstanceVerdict& judged, const PositionClock& clock) {
  if (!judged.timeline || clock.empty()) return false;
  const Path path{clock.newest().timeline, clock.PathLeft(*judged.timeline)};
  if (!OffPath(*judged.timeline, ReceivedPosition(*standby.facts), path)) return false;
  return *judged.timeline > path.timeline || !MayBeOnALaterTimeline(standby, *judged.history);
}

void JudgeStandby(const InstanceState& instance, const Scene& scene, InstanceVerdict& judged) {
  const auto& facts = *instance.facts;
  judged.history = Continue(judged.history, facts);
  judged.timeline = judged.history->timeline;
  ReplicationEvidence evidence;
  evidence.diverged = Diverged(instance, judged, scene.clock);
  evidence.replay_rises = ReplayRises(instance, *judged.history);
  if (scene.reference != nullptr) {
    evidence.walsender = FindWalsender(*scene.reference->facts, instance, scene.state.instances);
  }
  judged.replication = Classify(instance, evidence);
  if (evidence.diverged) return;  // it has no lag
  judged.received = LagOf(facts, ReceivedPosition(facts), scene);
  judged.replayed = LagOf(facts, facts.replayed, scene);
  if (judged.replayed && instance.settings) {
    const double delay = base::Seconds(instance.settings->recovery_min_apply_delay);
    judged.replayed->seconds = std::max(0.0, judged.replayed->seconds - delay);
  }
}

void JudgeSynchronous(const InstanceFacts& primary, ClusterVerdict& verdict) {
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
std::optional<Loss> LossWithout(const InstanceFacts& standby, const Scene& scene) {
  const auto received = ReceivedPosition(standby);
  const auto flushed = FlushedThen(scene, standby.received);
  if (!received || !flushed) return std::nullopt;
  Loss loss;
  loss.bytes = static_cast<double>(Behind(*flushed, *received));
  if (loss.bytes == 0) return loss;
  const auto began = scene.clock.LossBegan(*received);
  if (!began) return loss;
  loss.seconds = std::max(0.0, base::Seconds(standby.received - *began));
  if (*received < scene.clock.oldest().flushed) {
    loss.seconds = std::max(loss.seconds, SecondsAtLeast(standby, *received, scene.clock));
  }
  return loss;
}

// Without the primary the best eligible standby is what is left. Eligible: answers and is on the path; paused, delayed
// and disconnected ones count, their WAL is safe.
std::optional<Loss> PrimaryLoss(const ClusterVerdict& verdict, const Scene& scene) {
  const auto& instances = scene.state.instances;
  const bool all_tried = std::all_of(instances.begin(), instances.end(), [](const InstanceState& instance) {
    return instance.sql.up || instance.sql.error;
  });
  if (!all_tried) return std::nullopt;  // just started: a standby that was not asked yet is not a missing one
  Loss least{kUnbounded, kUnbounded};
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const auto& judged = verdict.instances[i];
    if (judged.role != Role::kStandby || judged.replication == ReplicationState::kDiverged) continue;
    const auto loss = LossWithout(*instances[i].facts, scene);
    if (loss && std::tie(loss->bytes, loss->seconds) < std::tie(least.bytes, least.seconds)) least = *loss;
  }
  return least;
}

void JudgeLoss(const Scene& scene, const ClusterVerdict* previous, ClusterVerdict& verdict) {
  if (verdict.primary) {
    verdict.rpo_primary = PrimaryLoss(verdict, scene);
    if (verdict.rpo_primary) verdict.rpo_measured = scene.reference->facts->received;
  } else if (previous != nullptr && !scene.state.replica) {
    verdict.rpo_primary = previous->rpo_primary;
    verdict.rpo_measured = previous->rpo_measured;
  }
}

// What follows from who answers.
void Count(ClusterVerdict& verdict) {
  const auto& instances = verdict.instances;
  verdict.declared = static_cast<int>(instances.size());
  verdict.ready = static_cast<int>(
      std::count_if(instances.begin(), instances.end(), [](const auto& judged) { return judged.answering; }));
  const auto primaries = static_cast<int>(std::count_if(
      instances.begin(), instances.end(), [](const auto& judged) { return judged.role == Role::kPrimary; }));
  const bool all_answer_none_is_primary = verdict.ready == verdict.declared && !verdict.replica;
  verdict.primaries.reset();
  if (primaries > 0 || all_answer_none_is_primary) verdict.primaries = primaries;
}

// What is still known of an instance that does not answer.
InstanceVerdict Silent(const InstanceVerdict& before) {
  InstanceVerdict silent;
  silent.name = before.name;
  silent.history = before.history;
  return silent;
}

InstanceVerdict FirstLook(const InstanceState& instance, base::SteadyTime now, const Freshness& freshness,
                          const ClusterVerdict* previous) {
  const auto* before = Find(previous, instance.name);
  auto judged = before == nullptr ? InstanceVerdict{} : Silent(*before);
  judged.name = instance.name;
  judged.answering = Answering(instance, now, freshness);
  if (!judged.answering) return judged;
  judged.fresh_until = FreshUntil(*instance.facts, freshness);
  judged.role = instance.facts->role;
  judged.timeline = instance.facts->timeline;
  return judged;
}

}  // namespace

ClusterVerdict Judge(const ClusterState& state, const PositionClock& clock, base::SteadyTime now,
                     const Freshness& freshness, const ClusterVerdict* previous) {
  ClusterVerdict verdict;
  verdict.replica = state.replica;
  for (const auto& instance : state.instances) {
    verdict.instances.push_back(FirstLook(instance, now, freshness, previous));
  }
  Count(verdict);
  const auto reference = FindReference(state, clock, now, freshness);
  const Scene scene{state, clock, freshness, reference ? reference->instance : nullptr};
  if (reference) {
    verdict.timeline = reference->sample.timeline;
    if (reference->instance->facts->role == Role::kPrimary) {
      verdict.primary = static_cast<std::size_t>(reference->instance - state.instances.data());
      JudgeSynchronous(*reference->instance->facts, verdict);
    }
  }
  for (std::size_t i = 0; i < state.instances.size(); ++i) {
    if (verdict.instances[i].role == Role::kStandby) JudgeStandby(state.instances[i], scene, verdict.instances[i]);
  }
  JudgeLoss(scene, previous, verdict);
  return At(std::move(verdict), now);
}

ClusterVerdict At(ClusterVerdict verdict, base::SteadyTime now) {
  for (auto& judged : verdict.instances) {
    if (judged.answering && now > judged.fresh_until) judged = Silent(judged);
  }
  Count(verdict);
  if (verdict.primary && !verdict.instances[*verdict.primary].answering) {
    verdict.primary.reset();
    verdict.timeline.reset();
    verdict.sync_required.reset();
    verdict.sync_streaming.reset();
    verdict.sync_waiters.reset();
  }
  if (verdict.rpo_measured && now - *verdict.rpo_measured > kHoldLoss) verdict.rpo_primary.reset();
  return verdict;
}

}  // namespace pgvigil::verdict
