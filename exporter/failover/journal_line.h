// The journal's lines: one JSON object each, read and written. The format is documented in docs/failover.md and is only
// ever added to: what is unknown is passed over. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "cluster/cluster_state.h"
#include "cluster/failover_event.h"
#include "failover/classifier.h"

namespace pgvigil::failover {

// How many events of each kind, in the order of cluster::kFailoverKinds.
using Counts = std::array<std::uint64_t, cluster::kFailoverKinds.size()>;

// Events that the journal counted and no longer lists.
struct Former {
  Counts counts{};

  friend bool operator==(const Former&, const Former&) = default;
};

struct JournalLine {
  cluster::ClusterName cluster;
  std::variant<cluster::FailoverEvent, PrimarySeen, Former> says;

  friend bool operator==(const JournalLine&, const JournalLine&) = default;
};

// Without the newline. Times are microseconds since the epoch, so that what is read is what was written.
std::string Format(const JournalLine& line);

// kMalformed says what is wrong. A PrimarySeen that is read has no steady time: another process saw it.
base::Result<JournalLine> ParseJournalLine(std::string_view text);

}  // namespace pgvigil::failover
