// The moment at which somebody stops waiting. Passed down whole, so that no step adds a timeout of its own on top.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace pgvigil::base {

class Deadline {
 public:
  explicit Deadline(SteadyTime at) : at_(at) {}
  static Deadline After(SteadyTime now, SteadyTime::duration span) { return Deadline(now + span); }

  SteadyTime at() const { return at_; }
  bool Passed(SteadyTime now) const { return now >= at_; }
  // Never negative.
  SteadyTime::duration Left(SteadyTime now) const { return std::max(SteadyTime::duration::zero(), at_ - now); }

  friend auto operator<=>(Deadline, Deadline) = default;

 private:
  SteadyTime at_;
};

}  // namespace pgvigil::base
