// What a cluster's primary reported as archived lately, and when it was first seen to: what a listing is held against.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster_state.h"
#include "verdict/site.h"
#include "verdict/verdict.h"

namespace pgvigil::observe {

// Not thread-safe: the observer's.
class ArchiveReports {
 public:
  // Forgets everything when another server is primary, the timeline rose, or statistics were reset: what is reported
  // then may be missing (pg_stat_archiver is empty after a promotion and a crash).
  void Take(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict);

  const std::vector<verdict::ArchiveReport>& reports() const { return reports_; }  // oldest first

 private:
  std::vector<verdict::ArchiveReport> reports_;
  std::string primary_;
  std::optional<std::uint32_t> timeline_;
  std::uint64_t archived_ = 0;
  std::string last_;
};

}  // namespace pgvigil::observe
