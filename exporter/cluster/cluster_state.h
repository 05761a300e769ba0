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

// How the last session with a server ended, and what became of the attempts to get another one.
struct SessionEnd {
  base::SteadyTime at;
  base::WallTime wall;   // the same moment by our clock
  std::string sqlstate;  // what the server said as it closed; empty: nothing, the network or the deadline ended it
  // As ordered by somebody: a clean shutdown, pg_terminate_backend. An immediate shutdown and a postmaster that was
  // killed send the same 57P01 and are not.
  bool ordered = false;
  bool tried = false;     // another one was tried in vain since
  bool starting = false;  // and was refused with 57P03: the server was starting up, shutting down or in recovery
};

struct InstanceState {
  std::string name;  // the label `pg_instance`
  SourceState sql;
  std::shared_ptr<const InstanceFacts> facts;        // the last known ones; null before the first contact
  std::shared_ptr<const InstanceSettings> settings;  // likewise
  std::optional<SessionEnd> ended;                   // stays after the next one began, until that one ends, too
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
