#include "verdict/readiness.h"

#include <algorithm>
#include <tuple>

namespace pgvigil::verdict {
namespace {

bool OnPath(const InstanceVerdict& judged) {
  return judged.role == cluster::Role::kStandby && judged.replication != ReplicationState::kDiverged;
}

std::optional<std::size_t> Best(const std::vector<InstanceVerdict>& instances) {
  std::optional<std::size_t> best;
  const auto loss = [&](std::size_t i) {
    return std::tie(instances[i].received->bytes, instances[i].received->seconds);
  };
  for (std::size_t i = 0; i < instances.size(); ++i) {
    if (!OnPath(instances[i]) || !instances[i].received) continue;
    if (!best || loss(i) < loss(*best)) best = i;
  }
  return best;
}

std::optional<bool> NoStandby(const cluster::ClusterState& state, const ClusterVerdict& verdict) {
  if (std::any_of(verdict.instances.begin(), verdict.instances.end(), OnPath)) return false;
  const auto tried = [](const cluster::InstanceState& instance) { return instance.sql.up || instance.sql.error; };
  if (std::all_of(state.instances.begin(), state.instances.end(), tried)) return true;
  return std::nullopt;
}

bool IsBehind(const Lag& lag, const cluster::Objectives& objectives) {
  return (objectives.replication_lag && lag.seconds > base::Seconds(*objectives.replication_lag)) ||
         (objectives.replication_lag_bytes && lag.bytes > *objectives.replication_lag_bytes);
}

}  // namespace

std::optional<bool> FailoverReadiness::Ready() const {
  if (std::any_of(blockers.begin(), blockers.end(), [](const auto& blocks) { return blocks.value_or(false); }))
    return false;
  if (std::all_of(blockers.begin(), blockers.end(), [](const auto& blocks) { return blocks.has_value(); })) return true;
  return std::nullopt;
}

FailoverReadiness JudgeReadiness(const cluster::ClusterState& state, const ClusterVerdict& verdict) {
  FailoverReadiness readiness;
  if (state.replica || state.instances.empty()) return readiness;
  readiness.candidate = Best(verdict.instances);
  std::optional<bool> behind, quorum;
  if (readiness.candidate) behind = IsBehind(*verdict.instances[*readiness.candidate].received, state.objectives);
  if (verdict.sync_required) quorum = verdict.sync_streaming.value_or(0) < *verdict.sync_required;
  readiness.blockers = {NoStandby(state, verdict), behind, quorum};
  return readiness;
}

}  // namespace pgvigil::verdict
