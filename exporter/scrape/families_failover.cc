#include "scrape/families_failover.h"

#include <algorithm>
#include <array>

#include "verdict/readiness.h"

namespace pgvigil::scrape {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;

constexpr auto kRecently = std::chrono::hours(1);
constexpr std::string_view kRecentWindow = "1h";

constexpr std::array<std::string_view, 1> kBlockerLabel = {"blocker"};
constexpr std::array<std::string_view, 1> kKind = {"kind"};
constexpr std::array<std::string_view, 2> kKindAndWindow = {"kind", "window"};

constexpr Descriptor kTotal{
    "pgvigil_failover_events_total", Type::kCounter, Scope::kCluster, kKind,
    "What happened to the cluster's primaries: failover, switchover, restart, crash, aborted, designated; counted on "
    "across restarts of pgvigil by its journal, absent while that could not be read"};
constexpr Descriptor kRecent{"pgvigil_failover_events_recent", Type::kGauge, Scope::kCluster, kKindAndWindow,
                             "How many of them were over within the window of 1h"};
constexpr Descriptor kTimestamp{"pgvigil_last_failover_timestamp_seconds", Type::kGauge, Scope::kCluster, kKind,
                                "When the last failover, switchover or change of a designated primary was over: when "
                                "the new primary was first seen to take writes, in Unix seconds"};
constexpr Descriptor kOutage{
    "pgvigil_last_failover_outage_seconds", Type::kGauge, Scope::kCluster, kKind,
    "Of the last failover, switchover or designated one: from the last sign of the old primary to the first of the "
    "new one, in seconds"};
constexpr Descriptor kLost{"pgvigil_last_failover_lost_bytes", Type::kGauge, Scope::kCluster, kKind,
                           "WAL that the old primary is known to have written beyond where the new timeline began, in "
                           "bytes: a lower bound; absent where it is not known"};

constexpr Descriptor kReady{
    "pgvigil_failover_ready",
    Type::kGauge,
    Scope::kCluster,
    {},
    "1 if a failover now would succeed within the objectives, 0 if something stands in its way; "
    "absent where that is not known, and in a replica cluster"};
constexpr Descriptor kBlocker{"pgvigil_failover_blocker", Type::kGauge, Scope::kCluster, kBlockerLabel,
                              "1 for what stands in the way of a failover, 0 for what does not: no_standby (none "
                              "answers that is on the primary's path), standby_behind (the best one is beyond the "
                              "objective), quorum (synchronous standbys are missing); absent where it is not known"};

constexpr std::array kDescriptors = {kReady, kBlocker, kTotal, kRecent, kTimestamp, kOutage, kLost};

// Those after which another server has the place of the old one.
constexpr std::array kChanges = {FailoverKind::kFailover, FailoverKind::kSwitchover, FailoverKind::kDesignated};

void AddLast(const FailoverEvent& event, std::string_view identity, metrics::Families& families) {
  const auto kind = Name(event.kind);
  if (event.serving) families.Add(kTimestamp, identity, {kind}, base::UnixSeconds(*event.serving));
  if (event.outage) families.Add(kOutage, identity, {kind}, base::Seconds(*event.outage));
  if (event.lost_bytes) families.Add(kLost, identity, {kind}, static_cast<double>(*event.lost_bytes));
}

}  // namespace

void AddFailoverFamilies(const observe::ClusterView& view, base::WallTime now, metrics::Families& families) {
  if (!view.failovers) return;
  const auto& history = *view.failovers;
  const auto identity = metrics::Identity(view.state.name.space, view.state.name.name, {});
  for (const auto kind : cluster::kFailoverKinds) {
    if (!Counted(kind)) continue;
    if (history.whole) families.Add(kTotal, identity, {Name(kind)}, static_cast<double>(history.Count(kind)));
    const auto recent = std::count_if(history.events.begin(), history.events.end(), [&](const FailoverEvent& event) {
      return event.kind == kind && event.serving && now - *event.serving < kRecently;
    });
    if (history.whole) families.Add(kRecent, identity, {Name(kind), kRecentWindow}, static_cast<double>(recent));
  }
  for (const auto kind : kChanges) {
    if (const auto* last = history.Last(kind)) AddLast(*last, identity, families);
  }
}

void AddReadinessFamilies(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict,
                          metrics::Families& families) {
  const auto readiness = verdict::JudgeReadiness(state, verdict);
  const auto identity = metrics::Identity(state.name.space, state.name.name, {});
  if (const auto ready = readiness.Ready()) families.Add(kReady, identity, {}, *ready ? 1 : 0);
  for (const auto blocker : verdict::kFailoverBlockers) {
    if (const auto blocks = readiness.Blocks(blocker))
      families.Add(kBlocker, identity, {Name(blocker)}, *blocks ? 1 : 0);
  }
}

std::span<const Descriptor> FailoverDescriptors() { return kDescriptors; }

}  // namespace pgvigil::scrape
