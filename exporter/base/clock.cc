#include "base/clock.h"

namespace pgvigil::base {
namespace {

class RealClock final : public Clock {
 public:
  SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
  WallTime Wall() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

double UnixSeconds(WallTime time) { return Seconds(time.time_since_epoch()); }

}  // namespace pgvigil::base
