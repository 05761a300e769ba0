// Would a failover now succeed within the objectives, and if not, what stands in its way. Pure.
// The definitions are those of docs/verdicts.md.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "cluster/cluster_state.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {

enum class FailoverBlocker {
  kNoStandby,      // no standby answers that is on the primary's path
  kStandbyBehind,  // the best of them lacks more of the primary's WAL than the objectives allow
  kQuorum,         // fewer synchronous standbys stream than synchronous_standby_names asks for
};
inline constexpr std::array kFailoverBlockers = {FailoverBlocker::kNoStandby, FailoverBlocker::kStandbyBehind,
                                                 FailoverBlocker::kQuorum};
inline constexpr std::string_view Name(FailoverBlocker blocker) {
  constexpr std::array<std::string_view, kFailoverBlockers.size()> kNames = {"no_standby", "standby_behind", "quorum"};
  return kNames[static_cast<std::size_t>(blocker)];
}

struct FailoverReadiness {
  // Of the verdict's instances: the standby that would lose least; absent if none is measured.
  std::optional<std::size_t> candidate;
  // Whether each stands in the way, in the order of kFailoverBlockers; absent where that is not known.
  std::array<std::optional<bool>, kFailoverBlockers.size()> blockers;

  std::optional<bool> Blocks(FailoverBlocker blocker) const { return blockers[static_cast<std::size_t>(blocker)]; }
  // False if any does, otherwise absent if any is unknown. A cluster of one instance is never ready.
  std::optional<bool> Ready() const;
};

// `verdict`: of this state, as it holds now. Nothing is known of a replica cluster: it has no primary to lose.
FailoverReadiness JudgeReadiness(const cluster::ClusterState& state, const ClusterVerdict& verdict);

}  // namespace pgvigil::verdict
