// A limit of bytes a second, kept by waiting. Pure: who asks is told how long to wait, by whichever clock.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace pgvigil::archive {

// A bucket that holds one second's worth. Not thread-safe.
class Bandwidth {
 public:
  explicit Bandwidth(std::uint64_t per_second) : per_second_(per_second) {}  // more than 0

  // `bytes` more were read by `now`: how long to wait before the next ones.
  base::SteadyTime::duration Spend(std::uint64_t bytes, base::SteadyTime now);

 private:
  const std::uint64_t per_second_;
  std::optional<base::SteadyTime> paid_until_;  // when all that was read will have been allowed
};

}  // namespace pgvigil::archive
