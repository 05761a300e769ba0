// The two times of pgvigil, never mixed: steady time for deadlines, schedules and position clocks; wall time for what
// is exported or compared with stamps made elsewhere. A server's clock is a third one and is never subtracted from
// ours.
#pragma once

#include <chrono>
#include <string>

namespace pgvigil::base {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using Milliseconds = std::chrono::milliseconds;

// Thread-safe. The seam for tests: everything that asks for the time is given one of these.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime Steady() const = 0;
  virtual WallTime Wall() const = 0;
};

const Clock& SystemClock();

// Seconds since the epoch, as Prometheus writes timestamps.
double UnixSeconds(WallTime time);

// "2026-11-23 06:50:22.123456", in UTC, with `between` between date and time; without the microseconds if they are
// zero.
std::string FormatTime(WallTime time, char between);

// A span as the floating seconds of a metric.
template <typename Rep, typename Period>
double Seconds(std::chrono::duration<Rep, Period> span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace pgvigil::base
