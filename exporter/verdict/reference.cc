#include "verdict/reference.h"

#include <algorithm>

#include "verdict/replication.h"

namespace pgvigil::verdict {
namespace {

using cluster::ClusterState;
using cluster::InstanceState;
using cluster::PositionClock;
using cluster::Role;

constexpr auto kForgetTimeline = std::chrono::minutes(5);

using Instances = std::vector<const InstanceState*>;

Instances AnsweringAs(Role role, const ClusterState& state, base::SteadyTime now, const Freshness& freshness) {
  Instances found;
  for (const auto& instance : state.instances) {
    if (Answering(instance, now, freshness) && instance.facts->role == role) found.push_back(&instance);
  }
  return found;
}

// Whether something newer than this timeline is known: then a primary on it is not the cluster's.
bool IsOutdated(std::uint32_t timeline, const Instances& standbys, const PositionClock& clock, base::SteadyTime now) {
  if (!clock.empty() && clock.newest().timeline > timeline && now - clock.newest_seen() <= kForgetTimeline) return true;
  return std::any_of(standbys.begin(), standbys.end(), [&](const InstanceState* standby) {
    return !clock.empty() && clock.newest().timeline > timeline && standby->facts->timeline > timeline;
  });
}

std::optional<Reference> Primary(const Instances& primaries) {
  const InstanceState* chosen = nullptr;
  for (const auto* primary : primaries) {
    if (!primary->facts->timeline || !primary->facts->flushed) continue;
    if (chosen == nullptr || primary->facts->timeline > chosen->facts->timeline) chosen = primary;
  }
  if (chosen == nullptr) return std::nullopt;
  const auto& facts = *chosen->facts;
  // A promoted server's replay position stays where the switch was until it restarts; it is absent after a clean
  // restart, and too high, so that less is called diverged, after crash recovery.
  return Reference{
      chosen, {facts.received, facts.server_time, *facts.timeline, *facts.flushed, facts.next_xid}, facts.replayed};
}

bool IsFedByMember(const InstanceState& standby, const Instances& standbys, const ClusterState& state) {
  return std::any_of(standbys.begin(), standbys.end(), [&](const InstanceState* other) {
    return other != &standby && FindWalsender(*other->facts, standby, state.instances) != nullptr;
  });
}

std::optional<Reference> DesignatedPrimary(const Instances& standbys, const ClusterState& state,
                                           const PositionClock& clock) {
  const InstanceState* chosen = nullptr;
  for (const auto* standby : standbys) {
    if (!standby->facts->timeline || !ReceivedPosition(*standby->facts)) continue;
    if (IsFedByMember(*standby, standbys, state)) continue;
    if (chosen == nullptr || ReceivedPosition(*standby->facts) > ReceivedPosition(*chosen->facts)) chosen = standby;
  }
  if (chosen == nullptr) return std::nullopt;
  const auto& facts = *chosen->facts;
  auto timeline = *facts.timeline;
  if (facts.timeline_at_least && !clock.empty()) timeline = std::max(timeline, clock.newest().timeline);
  return Reference{
      chosen, {facts.received, facts.server_time, timeline, *ReceivedPosition(facts), facts.next_xid}, std::nullopt};
}

}  // namespace

base::SteadyTime FreshUntil(const cluster::InstanceFacts& facts, const Freshness& freshness) {
  return facts.received + (facts.role == Role::kPrimary ? freshness.primary : freshness.standby);
}

bool Answering(const InstanceState& instance, base::SteadyTime now, const Freshness& freshness) {
  if (!instance.sql.up || !instance.facts || instance.foreign) return false;
  return now <= FreshUntil(*instance.facts, freshness);
}

std::optional<Reference> FindReference(const ClusterState& state, const PositionClock& clock, base::SteadyTime now,
                                       const Freshness& freshness) {
  const auto standbys = AnsweringAs(Role::kStandby, state, now, freshness);
  auto reference = Primary(AnsweringAs(Role::kPrimary, state, now, freshness));
  if (!reference) return state.replica ? DesignatedPrimary(standbys, state, clock) : std::nullopt;
  if (IsOutdated(reference->sample.timeline, standbys, clock, now)) return std::nullopt;
  return reference;
}

void Follow(const ClusterState& state, base::SteadyTime now, const Freshness& freshness, PositionClock& clock) {
  const auto reference = FindReference(state, clock, now, freshness);
  if (!reference) return;
  const auto& sample = reference->sample;
  if (!clock.empty() && sample.at <= clock.newest_seen()) return;
  const bool new_timeline = clock.empty() ? sample.timeline > 1 : sample.timeline > clock.newest().timeline;
  if (new_timeline && reference->switch_lsn) clock.SwitchTo(sample.timeline, *reference->switch_lsn);
  clock.Add(sample);
}

}  // namespace pgvigil::verdict
