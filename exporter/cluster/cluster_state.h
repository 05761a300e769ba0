// One cluster as it is known at one moment, put together from the newest published parts; what verdict judges.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/archive_state.h"
#include "cluster/instance_facts.h"
#include "cluster/objectives.h"
#include "cluster/schedule.h"
#include "cluster/source_state.h"

namespace pgvigil::cluster {

// A cluster's name comes from configuration alone; the system identifier only verifies it.
struct ClusterName {
  std::string space;  // the label `namespace`; empty where Kubernetes gives none
  std::string name;   // the label `pg_cluster`

  friend auto operator<=>(const ClusterName&, const ClusterName&) = default;
};

struct InstanceState {
  std::string name;  // the label `pg_instance`
  SourceState sql;
  std::shared_ptr<const InstanceFacts> facts;        // the last known ones; null before the first contact
  std::shared_ptr<const InstanceSettings> settings;  // likewise
  bool foreign = false;  // its system identifier is not the cluster's: an error, and no part of any judgement
};

struct ClusterState {
  ClusterName name;
  bool replica = false;  // a replica (DR) cluster: no primary is expected
  Objectives objectives;
  std::vector<InstanceState> instances;  // in the order of the configuration
  std::vector<ArchiveState> archives;    // likewise
  std::vector<Schedule> schedules;       // likewise
};

}  // namespace pgvigil::cluster
