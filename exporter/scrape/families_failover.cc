#include "scrape/families_failover.h"

#include <algorithm>
#include <array>

namespace pgvigil::scrape {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;

constexpr auto kRecently = std::chrono::hours(1);
constexpr std::string_view kRecentWindow = "1h";

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

constexpr std::array kDescriptors = {kTotal, kRecent, kTimestamp, kOutage, kLost};

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

std::span<const Descriptor> FailoverDescriptors() { return kDescriptors; }

}  // namespace pgvigil::scrape
