#include "base/backoff.h"

#include <algorithm>

namespace pgvigil::base {

namespace {

std::uint32_t ProcessSeed() {
  static const std::uint32_t seed = std::random_device()();
  return seed;
}

}  // namespace

Backoff::Backoff(SteadyTime::duration first, SteadyTime::duration limit, std::uint32_t seed)
    : first_(first), limit_(limit), random_(seed ^ ProcessSeed()) {}

SteadyTime::duration Backoff::Next() {
  constexpr int kMostDoublings = 20;  // beyond any limit in use, and far from overflow
  const auto whole = std::min(limit_, first_ * (std::int64_t{1} << std::min(failures_, kMostDoublings)));
  ++failures_;
  std::uniform_int_distribution<SteadyTime::rep> draw(whole.count() / 2, whole.count());
  return SteadyTime::duration(draw(random_));
}

}  // namespace pgvigil::base
