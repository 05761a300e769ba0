// What the facts of a cluster mean: role, replication state, lag, synchronous standbys, what would be lost if the
// primary died now. The definitions are those of docs/verdicts.md; each sentence there has a test. Pure: no
// I/O, no clock; `now` is given. Cheap enough for every observation (a few microseconds a cluster).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster_state.h"
#include "cluster/position_clock.h"

namespace pgvigil::verdict {

// The first that holds, in this order of precedence: diverged, paused, streaming, catching_up, archive_recovery,
// disconnected.
enum class ReplicationState { kStreaming, kCatchingUp, kArchiveRecovery, kPaused, kDisconnected, kDiverged };
inline constexpr int kReplicationStates = 6;
std::string_view Name(ReplicationState state);  // "streaming", "catching_up", ...

// Against the flush position that the primary had when the standby was read. Absent where that is not known: before the
// primary was first read, and while it does not answer.
struct Lag {
  std::uint64_t bytes = 0;
  double seconds = 0;
  bool seconds_at_least = false;  // older than the position clock: a lower bound
};

// A loss: what would be gone. Infinite where it is known to be unbounded.
struct Loss {
  double bytes = 0;
  double seconds = 0;
};

// What one observation of a standby does not say by itself. Carried from one judgement to the next.
struct StandbyHistory {
  base::WallTime postmaster_start;        // of the server it was seen on
  std::optional<std::uint32_t> timeline;  // the highest since that start: what a receiver that is gone had reported
  std::optional<wal::Lsn> replayed;
  std::optional<base::SteadyTime> replay_rose;  // archive recovery shows only in a replay position that rises
};

struct InstanceVerdict {
  std::string name;
  bool answering = false;             // its facts are fresh: judged below
  base::SteadyTime fresh_until;       // if answering
  std::optional<cluster::Role> role;  // absent while unknown
  std::optional<std::uint32_t> timeline;
  std::optional<ReplicationState> replication;  // standbys only
  std::optional<Lag> received;                  // standbys on the path only
  std::optional<Lag> replayed;
  std::optional<StandbyHistory> history;
};

struct ClusterVerdict {
  std::vector<InstanceVerdict> instances;  // as in the ClusterState
  bool replica = false;
  std::optional<std::size_t> primary;  // whose position counts; of instances
  // Instances that answer as primary; only if every declared instance answered or a primary did. For a replica cluster
  // only if a primary did: it expects none, so that none is no finding.
  std::optional<int> primaries;
  int declared = 0;
  int ready = 0;                          // instances that answer
  std::optional<std::uint32_t> timeline;  // the cluster's current one
  std::optional<int> sync_required;       // synchronous standbys asked for; 0 when none are
  std::optional<int> sync_streaming;      // walsenders that stream as sync or quorum; may exceed what is asked for
  std::optional<int> sync_waiters;        // backends of the primary waiting on SyncRep
  std::optional<Loss> rpo_primary;        // of a replica cluster: absent, it has no primary to lose
  std::optional<base::SteadyTime> rpo_measured;  // when the primary last answered; the value is held for 5 min after
};

// When an instance's facts count as an answer: younger than this. Three observation intervals of its kind.
struct Freshness {
  base::SteadyTime::duration primary = std::chrono::seconds(3);
  base::SteadyTime::duration standby = std::chrono::seconds(15);
};

// `clock` has been fed by Follow (verdict/reference.h). `previous` is the verdict before this one, or null: RPO is held
// for 5 minutes after the primary's last answer, and a rising replay position is one that was lower before. No archive
// is known here, so that without an eligible standby the loss of the primary is the loss of everything: +Inf.
ClusterVerdict Judge(const cluster::ClusterState& state, const cluster::PositionClock& clock, base::SteadyTime now,
                     const Freshness& freshness, const ClusterVerdict* previous);

// What of the verdict still holds at `now`, some time after it was judged: for the page. Answers that went stale since
// then are none any more, and a held RPO ends.
ClusterVerdict At(ClusterVerdict verdict, base::SteadyTime now);

}  // namespace pgvigil::verdict
