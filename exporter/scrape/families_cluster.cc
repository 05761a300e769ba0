#include "scrape/families_cluster.h"

#include <array>

#include "scrape/families_source.h"

namespace pgvigil::scrape {
namespace {

using cluster::ClusterState;
using cluster::Objectives;
using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;
using verdict::ClusterVerdict;
using verdict::ReplicationState;

constexpr std::array<std::string_view, 2> kSourceAndImage = {"source", "image_version"};
constexpr std::array<std::string_view, 1> kState = {"state"};
constexpr std::array<std::string_view, 1> kRole = {"role"};
constexpr std::array<std::string_view, 1> kPosition = {"position"};
constexpr std::array<std::string_view, 1> kLoss = {"loss"};

enum Family : std::size_t {
  kClusterInfo,
  kInstances,
  kPrimaries,
  kInstanceRole,
  kTimeline,
  kReplicationState,
  kLagBytes,
  kLagSeconds,
  kSyncStandbys,
  kSyncWaiters,
  kRpoSeconds,
  kRpoBytes,
  kObjectiveRpo,
  kObjectiveRto,
  kObjectiveLag,
  kObjectiveLagBytes,
  kObjectiveSlotBytes,
  kObjectiveBackupAge,
  kObjectiveWindow,
  kObjectiveDrillAge,
  kObjectiveConnections,
  kFamilies
};

// In the order of Family.
constexpr std::array<Descriptor, kFamilies> kDescriptors = {{
    {"pgvigil_cluster_info", Type::kGauge, Scope::kCluster, kSourceAndImage,
     "1 for every cluster watched, with where it is known from"},
    {"pgvigil_cluster_instances", Type::kGauge, Scope::kCluster, kState,
     "Instances of the cluster: declared, and of those ready (answering SQL)"},
    {"pgvigil_cluster_primaries",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Instances that answer as primary; absent unless every declared instance answered or a primary did; none is no "
     "finding in a replica cluster, and absent there"},
    {"pgvigil_instance_role", Type::kGauge, Scope::kInstance, kRole,
     "1 for the role the instance answers with: primary, standby"},
    {"pgvigil_timeline_id", Type::kGauge, Scope::kInstance, {}, "Timeline the instance is on"},
    {"pgvigil_replication_state", Type::kGauge, Scope::kInstance, kState,
     "1 for the state of a standby's replication: streaming, catching_up, archive_recovery, paused, disconnected, "
     "diverged"},
    {"pgvigil_replication_lag_bytes", Type::kGauge, Scope::kInstance, kPosition,
     "WAL between the primary's flush position and what the standby has received or replayed, in bytes; absent while "
     "the primary does not answer and for a diverged standby"},
    {"pgvigil_replication_lag_seconds", Type::kGauge, Scope::kInstance, kPosition,
     "Time since the primary passed the position the standby has received or replayed, in seconds; 0 when it is there, "
     "absent while the primary does not answer and for a diverged standby"},
    {"pgvigil_sync_standbys", Type::kGauge, Scope::kCluster, kState,
     "Synchronous standbys: required by synchronous_standby_names, and streaming as sync or quorum"},
    {"pgvigil_sync_waiters",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Backends of the primary whose commit waits for a synchronous standby (wait event SyncRep)"},
    {"pgvigil_rpo_seconds", Type::kGauge, Scope::kCluster, kLoss,
     "Time whose commits would be lost if what the label names were lost now, in seconds"},
    {"pgvigil_rpo_bytes", Type::kGauge, Scope::kCluster, kLoss,
     "WAL that would be lost if what the label names were lost now, in bytes"},
    {"pgvigil_objective_rpo_seconds", Type::kGauge, Scope::kCluster, kLoss,
     "Declared limit of pgvigil_rpo_seconds, in seconds; that of a primary is absent for replica clusters"},
    {"pgvigil_objective_rto_seconds", Type::kGauge, Scope::kCluster, {}, "Declared limit of an outage, in seconds"},
    {"pgvigil_objective_replication_lag_seconds",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared limit of pgvigil_replication_lag_seconds, in seconds"},
    {"pgvigil_objective_replication_lag_bytes",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared limit of pgvigil_replication_lag_bytes, in bytes"},
    {"pgvigil_objective_slot_retained_bytes",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared limit of the WAL a slot may retain, in bytes"},
    {"pgvigil_objective_backup_age_seconds",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared limit of the age of the newest backup, in seconds"},
    {"pgvigil_objective_recovery_window_seconds",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared least length of the recovery window, in seconds"},
    {"pgvigil_objective_restore_drill_age_seconds",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared limit of the age of the last restore drill, in seconds"},
    {"pgvigil_objective_connection_usage_ratio",
     Type::kGauge,
     Scope::kCluster,
     {},
     "Declared limit of the share of max_connections in use, 0 to 1"},
}};

constexpr std::array<std::string_view, 2> kRoles = {"primary", "standby"};

void AddLag(std::string_view position, const std::optional<verdict::Lag>& lag, const std::string& identity,
            metrics::Families& families) {
  if (!lag) return;
  families.Add(kDescriptors[kLagBytes], identity, {position}, static_cast<double>(lag->bytes));
  families.Add(kDescriptors[kLagSeconds], identity, {position}, lag->seconds);
}

void AddInstance(const verdict::InstanceVerdict& judged, const std::string& identity, metrics::Families& families) {
  if (judged.role) {
    families.AddStates(kDescriptors[kInstanceRole], identity, kRoles,
                       kRoles[*judged.role == cluster::Role::kPrimary ? 0 : 1]);
  }
  if (judged.timeline) families.Add(kDescriptors[kTimeline], identity, {}, *judged.timeline);
  if (judged.replication) {
    std::array<std::string_view, verdict::kReplicationStates> states{};
    for (std::size_t i = 0; i < states.size(); ++i) states[i] = verdict::Name(static_cast<ReplicationState>(i));
    families.AddStates(kDescriptors[kReplicationState], identity, states, verdict::Name(*judged.replication));
  }
  AddLag("received", judged.received, identity, families);
  AddLag("replayed", judged.replayed, identity, families);
}

void AddLoss(std::string_view what, const std::optional<verdict::Loss>& loss, const std::string& identity,
             metrics::Families& families) {
  if (!loss) return;
  families.Add(kDescriptors[kRpoSeconds], identity, {what}, loss->seconds);
  families.Add(kDescriptors[kRpoBytes], identity, {what}, loss->bytes);
}

void AddObjectives(const Objectives& objectives, const std::string& identity, metrics::Families& families) {
  const auto seconds = [&](Family family, const std::optional<base::Milliseconds>& limit,
                           std::initializer_list<std::string_view> labels) {
    if (limit) families.Add(kDescriptors[family], identity, labels, base::Seconds(*limit));
  };
  const auto bytes = [&](Family family, const std::optional<std::uint64_t>& limit) {
    if (limit) families.Add(kDescriptors[family], identity, {}, static_cast<double>(*limit));
  };
  seconds(kObjectiveRpo, objectives.rpo_primary, {"primary"});
  seconds(kObjectiveRpo, objectives.rpo_site, {"site"});
  seconds(kObjectiveRto, objectives.rto, {});
  seconds(kObjectiveLag, objectives.replication_lag, {});
  bytes(kObjectiveLagBytes, objectives.replication_lag_bytes);
  bytes(kObjectiveSlotBytes, objectives.slot_retained_bytes);
  seconds(kObjectiveBackupAge, objectives.backup_age, {});
  seconds(kObjectiveWindow, objectives.recovery_window, {});
  seconds(kObjectiveDrillAge, objectives.restore_drill_age, {});
  if (objectives.connection_usage)
    families.Add(kDescriptors[kObjectiveConnections], identity, {}, *objectives.connection_usage);
}

void AddSynchronous(const ClusterVerdict& verdict, const std::string& identity, metrics::Families& families) {
  if (verdict.sync_required) families.Add(kDescriptors[kSyncStandbys], identity, {"required"}, *verdict.sync_required);
  if (verdict.sync_streaming)
    families.Add(kDescriptors[kSyncStandbys], identity, {"streaming"}, *verdict.sync_streaming);
  if (verdict.sync_waiters) families.Add(kDescriptors[kSyncWaiters], identity, {}, *verdict.sync_waiters);
}

}  // namespace

void AddClusterFamilies(const ClusterState& state, const ClusterVerdict& verdict, const verdict::SiteVerdict& site,
                        metrics::Families& families) {
  const auto identity = metrics::Identity(state.name.space, state.name.name, {});
  families.Add(kDescriptors[kClusterInfo], identity, {"static", ""}, 1);
  families.Add(kDescriptors[kInstances], identity, {"declared"}, verdict.declared);
  families.Add(kDescriptors[kInstances], identity, {"ready"}, verdict.ready);
  if (verdict.primaries) families.Add(kDescriptors[kPrimaries], identity, {}, *verdict.primaries);
  AddLoss("primary", verdict.rpo_primary, identity, families);
  AddLoss("site", site.rpo_site, identity, families);
  AddSynchronous(verdict, identity, families);
  auto objectives = state.objectives;
  if (!objectives.rpo_site) objectives.rpo_site = verdict::DefaultSiteObjective(state);
  if (state.replica) objectives.rpo_primary.reset();  // no primary to lose: what declares one expects it to be there
  AddObjectives(objectives, identity, families);
  for (std::size_t i = 0; i < state.instances.size(); ++i) {
    const auto own = metrics::Identity(state.name.space, state.name.name, state.instances[i].name);
    AddSourceFamilies(state.instances[i].sql, own, "sql", {}, families);
    AddInstance(verdict.instances[i], own, families);
  }
}

std::span<const Descriptor> ClusterDescriptors() { return kDescriptors; }

}  // namespace pgvigil::scrape
