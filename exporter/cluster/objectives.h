// The limits that belong to a cluster: declared in the configuration (or, with Kubernetes, as annotations), exported as
// pgvigil_objective_*, compared with what was measured by the shipped rules.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace pgvigil::cluster {

// Absent where nothing was declared and the default follows the cluster (design: rpo_site, backup_age) or does not
// exist.
struct Objectives {
  std::optional<base::Milliseconds> rpo_primary;
  std::optional<base::Milliseconds> rpo_site;
  std::optional<base::Milliseconds> rto;
  std::optional<base::Milliseconds> replication_lag;
  std::optional<std::uint64_t> replication_lag_bytes;
  std::optional<std::uint64_t> slot_retained_bytes;
  std::optional<base::Milliseconds> backup_age;
  std::optional<base::Milliseconds> recovery_window;
  std::optional<base::Milliseconds> restore_drill_age;
  std::optional<double> connection_usage;  // a ratio, 0 to 1

  // What holds where neither the cluster nor the configuration says otherwise.
  static Objectives Defaults();
  // This, with every absent member taken from `fallback`.
  Objectives Or(const Objectives& fallback) const;
};

}  // namespace pgvigil::cluster
