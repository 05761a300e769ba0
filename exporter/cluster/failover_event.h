// What happened to the primary of a cluster: the kinds, and one event with what proves it. Immutable once told.
// The words are those of docs/failover.md.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "wal/segment.h"

namespace pgvigil::cluster {

enum class FailoverKind {
  kSwitchover,  // asked for: the old primary was shut down cleanly before the new one was promoted
  kFailover,    // not asked for: the old primary did not go by itself
  kRestart,     // same primary, same timeline, new postmaster
  kCrash,       // same postmaster: it ended every session and recovered, because a backend died
  kAborted,     // a change of primary that was taken back
  kDesignated,  // another designated primary of a replica cluster
  kUnknown,     // a promotion that nobody watched: listed, never counted
};
inline constexpr std::array kFailoverKinds = {
    FailoverKind::kSwitchover, FailoverKind::kFailover,   FailoverKind::kRestart, FailoverKind::kCrash,
    FailoverKind::kAborted,    FailoverKind::kDesignated, FailoverKind::kUnknown};
inline constexpr std::string_view Name(FailoverKind kind) {
  constexpr std::array<std::string_view, kFailoverKinds.size()> kNames = {
      "switchover", "failover", "restart", "crash", "aborted", "designated", "unknown"};
  return kNames[static_cast<std::size_t>(kind)];
}
// Whether it is one of `pgvigil_failover_events_total`.
inline constexpr bool Counted(FailoverKind kind) { return kind != FailoverKind::kUnknown; }

struct FailoverEvent {
  FailoverKind kind = FailoverKind::kUnknown;
  // What makes it this event and no other, the same for every exporter that saw it: no time of ours is in it but for a
  // crash, of which the server keeps no trace.
  std::string identity;
  std::string from;  // the instance that was primary
  std::string to;    // the one that is; the same for a restart and a crash
  std::uint32_t timeline = 0;
  std::optional<wal::Lsn> switch_lsn;  // where that timeline began

  // By our clock. Both are known of what was watched; of what was read from histories neither is.
  std::optional<base::WallTime> last_good;  // when the old primary last answered
  std::optional<base::WallTime> serving;    // when the new one was first seen to take writes

  // From the last good sign to `serving`, by the steady clock where one process saw both.
  std::optional<std::chrono::microseconds> outage;

  // What the old primary is known to have written beyond the switch: a lower bound, as it may have written more after
  // its last sample, which was that much older than the first bad sign. 0 for a switchover.
  std::optional<std::uint64_t> lost_bytes;
  std::optional<std::chrono::microseconds> sample_age;

  friend bool operator==(const FailoverEvent&, const FailoverEvent&) = default;
};

}  // namespace pgvigil::cluster
