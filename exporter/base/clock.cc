#include "base/clock.h"

#include <array>
#include <cstdio>

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

std::string FormatTime(WallTime time, char between) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto rest = static_cast<int>(clock.subseconds().count());
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u%c%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), between,
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::array<char, 16> fraction{};
  if (rest != 0) std::snprintf(fraction.data(), fraction.size(), ".%06d", rest);
  return std::string(text.data()) + fraction.data();
}

double UnixSeconds(WallTime time) { return Seconds(time.time_since_epoch()); }

}  // namespace pgvigil::base
