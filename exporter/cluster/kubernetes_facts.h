// What the API server says of a CloudNativePG cluster and of its pods: only what is used, decoded once. A claim of the
// operator's, not proof: roles come from SQL. What is absent there, or has a form that is not known, is absent here.
// Source: CloudNativePG api/v1 (cluster_types.go, backup_types.go), 1.28 to 1.30; Kubernetes core/v1.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace pgvigil::cluster {

struct Condition {
  std::string type, status, reason;
  std::optional<base::WallTime> changed;  // lastTransitionTime

  friend bool operator==(const Condition&, const Condition&) = default;
};

// kind Cluster of postgresql.cnpg.io/v1.
struct CnpgCluster {
  std::string space, name, uid;
  std::map<std::string, std::string> annotations;  // of cnpg.io and pgvigil.io
  // spec
  std::optional<std::uint64_t> declared;  // instances
  bool replica = false;                   // spec.replica: enabled, or another primary than itself
  // status
  std::optional<std::uint64_t> ready;
  std::vector<std::string> instances;  // instanceNames
  std::string current_primary, target_primary;
  std::optional<base::WallTime> current_primary_since, target_primary_since;
  std::optional<std::uint64_t> timeline;
  std::string phase, phase_reason, image;
  std::vector<Condition> conditions;

  friend bool operator==(const CnpgCluster&, const CnpgCluster&) = default;
};

// A pod that is an instance of a cluster.
struct InstancePod {
  std::string space, name, cluster;
  std::string ip;    // empty until it has one
  std::string node;  // empty until it is scheduled
  std::string role;  // the operator's label: "primary", "replica", "unhealthy"
  bool ready = false;
  bool terminating = false;
  std::uint64_t restarts = 0;  // of all its containers

  friend bool operator==(const InstancePod&, const InstancePod&) = default;
};

}  // namespace pgvigil::cluster
