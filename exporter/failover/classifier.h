// What happened to a primary, told from what SQL shows of it: a change of primary, a restart, a crash. Pure: the state
// before and after goes in, events come out. The rules are the rows of the table in docs/failover.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster_state.h"
#include "cluster/failover_event.h"
#include "cluster/position_clock.h"

namespace pgvigil::failover {

// The primary as it was last seen well, and the first bad signs since. What the next primary is compared with; kept in
// the journal, so that a restart of the exporter does not lose the old one's last position.
struct PrimarySeen {
  std::string instance;
  std::string system_identifier;
  std::uint32_t timeline = 0;
  wal::Lsn flushed;
  base::WallTime postmaster_start;         // the server's clock
  base::WallTime seen;                     // when it last answered, by our clock
  std::optional<base::SteadyTime> steady;  // the same moment; absent if another process saw it
  std::optional<base::WallTime> missed;    // when it first did not; absent while it answers
  // The first bad sign was that the server ended the session as somebody ordered, and nobody got one since: it was shut
  // down cleanly.
  bool shut_down = false;

  friend bool operator==(const PrimarySeen&, const PrimarySeen&) = default;
};

struct Told {
  std::optional<PrimarySeen> primary;  // to be handed in next time
  std::vector<cluster::FailoverEvent> events;
};

// `primary`: the instance whose position counts, of state.instances (verdict::ClusterVerdict::primary); absent while
// none answers. `clock` has been fed with it: where timelines began is asked of it. `now`: our clock.
Told Classify(const std::optional<PrimarySeen>& before, const cluster::ClusterState& state,
              std::optional<std::size_t> primary, const cluster::PositionClock& clock, base::WallTime now);

}  // namespace pgvigil::failover
