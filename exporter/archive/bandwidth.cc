#include "archive/bandwidth.h"

#include <algorithm>

namespace pgvigil::archive {

base::SteadyTime::duration Bandwidth::Spend(std::uint64_t bytes, base::SteadyTime now) {
  constexpr auto kHeld = std::chrono::seconds(1);
  const std::chrono::duration<double> costs(static_cast<double>(bytes) / static_cast<double>(per_second_));
  const auto from = std::max(paid_until_.value_or(now), now - kHeld);
  paid_until_ = from + std::chrono::duration_cast<base::SteadyTime::duration>(costs);
  return std::max(*paid_until_ - now, base::SteadyTime::duration::zero());
}

}  // namespace pgvigil::archive
