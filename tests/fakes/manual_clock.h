// A clock that moves when the test says so.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace pgvigil::fakes {

// Thread-safe. Starts an hour after the steady epoch and at 2026-01-01 00:00:00 UTC.
class ManualClock final : public base::Clock {
 public:
  base::SteadyTime Steady() const override { return base::SteadyTime(std::chrono::hours(1) + passed_.load()); }
  base::WallTime Wall() const override {
    return base::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) +
           std::chrono::floor<std::chrono::microseconds>(passed_.load());
  }
  void Advance(std::chrono::nanoseconds span) { passed_ = passed_.load() + span; }

 private:
  std::atomic<std::chrono::nanoseconds> passed_{};
};

}  // namespace pgvigil::fakes
