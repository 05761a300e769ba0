// What is watched, as the configuration says it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster_state.h"
#include "observe/archive_observer.h"
#include "postgres/session.h"

namespace pgvigil::observe {

struct InstanceOptions {
  std::string name;  // the label `pg_instance`
  postgres::Dsn dsn;
  std::shared_ptr<const postgres::Credentials> credentials;
  std::string credential_key;  // what makes two credentials the same: the path or the variable's name
};

// Whether a session and what is known of the one serve the other as well: name, DSN and credential are the same.
inline bool SameServer(const InstanceOptions& a, const InstanceOptions& b) {
  return a.name == b.name && a.dsn.parameters == b.dsn.parameters && a.credential_key == b.credential_key;
}

struct ClusterOptions {
  cluster::ClusterName name;
  bool replica = false;
  std::vector<InstanceOptions> instances;
  std::vector<ArchiveOptions> archives;
  std::vector<cluster::Schedule> schedules;
  cluster::Objectives objectives;  // with the defaults that do not follow the cluster filled in
};

struct Options {
  std::vector<ClusterOptions> clusters;
  base::Milliseconds observe_primary{1000};
  base::Milliseconds observe_standby{5000};
};

}  // namespace pgvigil::observe
