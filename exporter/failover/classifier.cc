#include "failover/classifier.h"

#include <algorithm>

#include "verdict/replication.h"

namespace pgvigil::failover {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using cluster::InstanceState;
using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr std::string_view kShutdown = "57P01";  // admin_shutdown
constexpr std::string_view kCrash = "57P02";     // crash_shutdown

const InstanceState* Find(const cluster::ClusterState& state, const std::string& name) {
  const auto found = std::find_if(state.instances.begin(), state.instances.end(),
                                  [&](const InstanceState& instance) { return instance.name == name; });
  return found == state.instances.end() ? nullptr : &*found;
}

PrimarySeen SeenWell(const InstanceState& primary) {
  const auto& facts = *primary.facts;
  PrimarySeen seen;
  seen.instance = primary.name;
  seen.system_identifier = facts.system_identifier;
  seen.timeline = *facts.timeline;
  const auto position = facts.role == cluster::Role::kPrimary ? facts.flushed : verdict::ReceivedPosition(facts);
  seen.flushed = position.value_or(wal::Lsn{});
  seen.postmaster_start = facts.postmaster_start;
  seen.seen = facts.observed;
  seen.steady = facts.received;
  return seen;
}

// Whether the session ended after the primary was last seen well: an end of before says nothing about now.
bool EndedSince(const PrimarySeen& before, const InstanceState& instance) {
  return instance.ended && (!before.steady || instance.ended->at >= *before.steady);
}

// Whether every other instance answers and none is beyond that timeline: there was no promotion yet.
bool NobodyWasPromoted(const PrimarySeen& before, const InstanceState& old, const cluster::ClusterState& state) {
  return std::all_of(state.instances.begin(), state.instances.end(), [&](const InstanceState& other) {
    return &other == &old || (other.sql.up && other.facts && other.facts->timeline.value_or(0) <= before.timeline);
  });
}

// Adds the signs of the old primary that were seen since. A process that never saw it well cannot tell what came first,
// its end or a promotion, unless there was none yet.
void TakeSigns(PrimarySeen& before, const InstanceState& instance, const cluster::ClusterState& state,
               base::WallTime now) {
  if (instance.sql.up || !instance.sql.error || instance.foreign) return;  // well, or not tried yet
  if (!before.steady && !before.missed && !NobodyWasPromoted(before, instance, state)) return;
  const bool ended = EndedSince(before, instance);
  if (!before.missed) before.missed = ended ? instance.ended->wall : now;
  if (ended && instance.ended->tried)
    before.shut_down = instance.ended->sqlstate == kShutdown && instance.ended->ordered;
}

// Where the path left the old primary's timeline: what it wrote beyond is lost. Of several promotions since the first
// one counts; of one that nobody can date it is not known.
std::optional<wal::Lsn> PathLeft(const PrimarySeen& before, const InstanceState& primary,
                                 const cluster::PositionClock& clock) {
  const auto next = clock.switches().find(before.timeline + 1);
  if (next != clock.switches().end()) return next->second;
  return *primary.facts->timeline == before.timeline + 1 ? primary.facts->replayed : std::nullopt;
}

std::optional<wal::Lsn> Began(const InstanceState& primary, const cluster::PositionClock& clock) {
  const auto told = clock.switches().find(*primary.facts->timeline);
  return told != clock.switches().end() ? std::optional(told->second) : primary.facts->replayed;
}

microseconds Between(const PrimarySeen& before, const cluster::InstanceFacts& facts) {
  if (before.steady) return duration_cast<microseconds>(facts.received - *before.steady);
  return std::max(microseconds(0), facts.observed - before.seen);
}

FailoverEvent EventOf(FailoverKind kind, const PrimarySeen& before, const InstanceState& primary) {
  FailoverEvent event;
  event.kind = kind;
  event.from = before.instance;
  event.to = primary.name;
  event.timeline = *primary.facts->timeline;
  event.last_good = before.seen;
  event.serving = primary.facts->observed;
  event.outage = Between(before, *primary.facts);
  return event;
}

std::string Microseconds(base::WallTime time) { return std::to_string(time.time_since_epoch().count()); }

// The same server on the same timeline: was it away?
std::optional<FailoverEvent> InPlace(const PrimarySeen& before, const InstanceState& primary) {
  const auto& facts = *primary.facts;
  const std::string identity = facts.system_identifier + "/" + primary.name;
  if (facts.postmaster_start != before.postmaster_start) {
    auto event = EventOf(FailoverKind::kRestart, before, primary);
    event.identity = "restart/" + identity + "/" + Microseconds(facts.postmaster_start);
    return event;
  }
  if (!EndedSince(before, primary)) return std::nullopt;
  if (primary.ended->sqlstate != kCrash && !primary.ended->starting) return std::nullopt;
  auto event = EventOf(FailoverKind::kCrash, before, primary);
  event.identity = "crash/" + identity + "/" + Microseconds(primary.ended->wall);
  return event;
}

// Whether the old primary's end is not read yet: it said that it shuts down, and the next attempt will tell whether it
// did.
bool EndIsOpen(const PrimarySeen& before, const InstanceState* old) {
  return old != nullptr && !old->sql.up && EndedSince(before, *old) && !old->ended->tried &&
         old->ended->sqlstate == kShutdown && old->ended->ordered;
}

FailoverKind KindOfPromotion(const PrimarySeen& before, std::optional<wal::Lsn> left) {
  if (left && before.flushed > *left) return FailoverKind::kFailover;
  if (before.shut_down) return FailoverKind::kSwitchover;
  // That it was not missed although it was watched means that it still answered: nobody shut it down.
  return before.missed || before.steady ? FailoverKind::kFailover : FailoverKind::kUnknown;
}

FailoverEvent Promotion(const PrimarySeen& before, const InstanceState& primary, const cluster::ClusterName& name,
                        const cluster::PositionClock& clock) {
  const auto left = PathLeft(before, primary, clock);
  auto event = EventOf(KindOfPromotion(before, left), before, primary);
  event.switch_lsn = Began(primary, clock);
  event.identity = "promotion/" + primary.facts->system_identifier + "/" + name.space + "/" + name.name + "/" +
                   std::to_string(event.timeline) + "/" + (event.switch_lsn ? wal::Format(*event.switch_lsn) : "");
  if (event.kind == FailoverKind::kSwitchover) {
    event.lost_bytes = 0;
  } else if (left) {
    event.lost_bytes = before.flushed > *left ? before.flushed.bytes - left->bytes : 0;
    const auto missed = before.missed.value_or(primary.facts->observed);
    event.sample_age = std::max(microseconds(0), missed - before.seen);
  }
  return event;
}

// Two standbys that are both fed from outside take turns in having received most. The place has changed hands only when
// the old one is away or is fed by a member.
bool GaveUpDesignation(const PrimarySeen& before, const InstanceState* old, const cluster::ClusterState& state) {
  if (old == nullptr || before.missed || !old->facts) return true;
  return std::any_of(state.instances.begin(), state.instances.end(), [&](const InstanceState& other) {
    return &other != old && other.facts && !other.foreign &&
           verdict::FindWalsender(*other.facts, *old, state.instances) != nullptr;
  });
}

FailoverEvent Designation(const PrimarySeen& before, const InstanceState& designated) {
  auto event = EventOf(FailoverKind::kDesignated, before, designated);
  event.identity = "designated/" + designated.facts->system_identifier + "/" + std::to_string(event.timeline) + "/" +
                   before.instance + "/" + designated.name + "/" + wal::Format(before.flushed);
  return event;
}

}  // namespace

Told Classify(const std::optional<PrimarySeen>& before, const cluster::ClusterState& state,
              std::optional<std::size_t> primary, const cluster::PositionClock& clock, base::WallTime now) {
  Told told{before, {}};
  const auto* old = before ? Find(state, before->instance) : nullptr;
  if (old != nullptr) TakeSigns(*told.primary, *old, state, now);
  if (!primary || !state.instances[*primary].facts->timeline) return told;
  const auto& current = state.instances[*primary];
  const auto seen = SeenWell(current);
  if (!before || before->system_identifier != seen.system_identifier) return {seen, {}};

  const auto& last = *told.primary;
  if (current.name == last.instance) {
    if (seen.timeline == last.timeline) {
      if (const auto event = InPlace(last, current)) told.events.push_back(*event);
    }
  } else if (seen.timeline > last.timeline) {
    if (EndIsOpen(last, old)) return told;
    told.events.push_back(Promotion(last, current, state.name, clock));
  } else if (state.replica && current.facts->role == cluster::Role::kStandby) {
    if (!GaveUpDesignation(last, old, state)) return told;
    told.events.push_back(Designation(last, current));
  }
  told.primary = seen;
  return told;
}

}  // namespace pgvigil::failover
