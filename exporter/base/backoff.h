// How long to wait before the next try: doubling, the upper half of it by chance, so that a fleet whose servers come
// back together does not come back together itself.
#pragma once

#include <cstdint>
#include <random>

#include "base/clock.h"

namespace pgvigil::base {

// Not thread-safe: belongs to what is retried.
class Backoff {
 public:
  // The k-th wait is drawn from [half, whole] of min(limit, first * 2^k). The seed tells apart what one process
  // retries; another process with the same seeds draws otherwise.
  Backoff(SteadyTime::duration first, SteadyTime::duration limit, std::uint32_t seed);

  SteadyTime::duration Next();
  // It worked: start small again.
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  SteadyTime::duration first_;
  SteadyTime::duration limit_;
  std::minstd_rand random_;
  int failures_ = 0;
};

}  // namespace pgvigil::base
