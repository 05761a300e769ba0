#include "cluster/objectives.h"

namespace pgvigil::cluster {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

Objectives Objectives::Defaults() {
  Objectives objectives;
  objectives.rpo_primary = seconds(30);
  objectives.rto = minutes(2);
  objectives.replication_lag = seconds(30);
  objectives.replication_lag_bytes = std::uint64_t{256} << 20;
  objectives.slot_retained_bytes = std::uint64_t{8} << 30;
  objectives.recovery_window = days(7);
  objectives.connection_usage = 0.8;
  return objectives;
}

Objectives Objectives::Or(const Objectives& fallback) const {
  const auto first = [](const auto& own, const auto& other) { return own ? own : other; };
  return {.rpo_primary = first(rpo_primary, fallback.rpo_primary),
          .rpo_site = first(rpo_site, fallback.rpo_site),
          .rto = first(rto, fallback.rto),
          .replication_lag = first(replication_lag, fallback.replication_lag),
          .replication_lag_bytes = first(replication_lag_bytes, fallback.replication_lag_bytes),
          .slot_retained_bytes = first(slot_retained_bytes, fallback.slot_retained_bytes),
          .backup_age = first(backup_age, fallback.backup_age),
          .recovery_window = first(recovery_window, fallback.recovery_window),
          .restore_drill_age = first(restore_drill_age, fallback.restore_drill_age),
          .connection_usage = first(connection_usage, fallback.connection_usage)};
}

}  // namespace pgvigil::cluster
