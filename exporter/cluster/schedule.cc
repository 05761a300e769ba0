#include "cluster/schedule.h"

#include <algorithm>
#include <bit>

namespace pgvigil::cluster {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

constexpr std::chrono::years kSearched(5);  // robfig's
// Outside nothing fires: calendars end, and no backup was taken there.
constexpr base::WallTime kEarliest = sys_days(std::chrono::year(1900) / 1 / 1);
constexpr base::WallTime kLatest = sys_days(std::chrono::year(9990) / 1 / 1);

bool Has(std::uint64_t bits, unsigned value) { return (bits >> value & 1) != 0; }

// The lowest value from `from` on.
std::optional<int> Lowest(std::uint64_t bits, std::int64_t from) {
  if (from > 63) return std::nullopt;
  const auto left = bits & (~std::uint64_t{0} << from);
  if (left == 0) return std::nullopt;
  return std::countr_zero(left);
}

int First(std::uint64_t bits) { return std::countr_zero(bits); }

}  // namespace

bool Cron::Matches(sys_days local) const {
  const year_month_day date(local);
  const bool day = Has(fields_.days, static_cast<unsigned>(date.day()));
  const bool weekday = Has(fields_.weekdays, std::chrono::weekday(local).c_encoding());
  return fields_.either_day ? day || weekday : day && weekday;
}

std::optional<seconds> Cron::NextOfDay(seconds from) const {
  const std::chrono::hh_mm_ss<seconds> time(from);
  const auto hour = Lowest(fields_.hours, time.hours().count());
  if (!hour) return std::nullopt;
  if (*hour == time.hours().count()) {
    const auto minute = Lowest(fields_.minutes, time.minutes().count());
    if (minute == time.minutes().count()) {
      const auto second = Lowest(fields_.seconds, time.seconds().count());
      if (second) return time.hours() + time.minutes() + seconds(*second);
    }
    const auto later = Lowest(fields_.minutes, time.minutes().count() + 1);
    if (later) return time.hours() + minutes(*later) + seconds(First(fields_.seconds));
  }
  const auto later = Lowest(fields_.hours, *hour == time.hours().count() ? *hour + 1 : *hour);
  if (!later) return std::nullopt;
  return hours(*later) + minutes(First(fields_.minutes)) + seconds(First(fields_.seconds));
}

std::optional<sys_seconds> Cron::NextLocal(sys_seconds from, sys_seconds limit) const {
  auto day = floor<days>(from);
  auto time = from - day;
  while (day < limit) {
    const year_month_day date(day);
    if (!Has(fields_.months, static_cast<unsigned>(date.month()))) {
      day = sys_days((date.year() / date.month() + std::chrono::months(1)) / 1);
    } else {
      const auto next = Matches(day) ? NextOfDay(time) : std::nullopt;
      if (next) return day + *next < limit ? std::optional<sys_seconds>(day + *next) : std::nullopt;
      day += days(1);
    }
    time = seconds(0);
  }
  return std::nullopt;
}

std::optional<base::WallTime> Cron::Next(base::WallTime after) const {
  if (after < kEarliest || after > kLatest) return std::nullopt;
  if (every_) return floor<seconds>(after) + *every_;
  auto time = floor<seconds>(after) + seconds(1);
  auto span = zone_.At(time);
  const year_month_day today(floor<days>(time + span.offset));
  const sys_seconds limit = sys_days((today.year() + kSearched + std::chrono::years(1)) / 1 / 1);
  for (;;) {
    const auto end = std::min(span.end + span.offset, limit);
    if (const auto local = NextLocal(time + span.offset, end)) return *local - span.offset;
    if (end == limit) return std::nullopt;
    time = span.end;
    span = zone_.At(time);
  }
}

// Of each field from the seconds up: its fires as the values of the field, each with the fires of the one below.
Cron::Day Cron::WholeDay() const {
  Day day;
  const auto within = [&day](std::uint64_t bits, seconds unit) {
    const Day inner = day;
    day.first = First(bits) * unit + inner.first;
    day.last = (63 - std::countl_zero(bits)) * unit + inner.last;
    int value = First(bits);
    while (const auto next = Lowest(bits, value + 1)) {
      const auto distance = (*next - value) * unit - (inner.last - inner.first);
      day.shortest = std::min(day.shortest.value_or(distance), distance);
      day.longest = std::max(day.longest.value_or(distance), distance);
      value = *next;
    }
  };
  within(fields_.seconds, seconds(1));
  within(fields_.minutes, minutes(1));
  within(fields_.hours, hours(1));
  return day;
}

std::optional<Cron::RestOfDay> Cron::Rest(base::WallTime time, const Day& day) const {
  const auto span = zone_.At(floor<seconds>(time));
  const auto midnight = floor<days>(time + span.offset);
  if (midnight - span.offset < span.begin || midnight + days(1) - span.offset > span.end) return std::nullopt;
  const bool whole = time + span.offset == midnight + day.first;
  return RestOfDay{midnight + day.last - span.offset, whole ? day.longest.value_or(seconds(0)) : seconds(0)};
}

std::optional<seconds> Cron::Period(base::WallTime now) const {
  constexpr int kFiresLookedAt = 2000;
  if (every_) return every_;
  const auto first = Next(now);
  if (!first) return std::nullopt;
  const auto day = WholeDay();
  const auto end = std::max(now + days(366), *first + seconds(1));
  seconds longest(0);
  int singly = 0;
  for (auto time = *first; time < end;) {
    if (const auto rest = Rest(time, day)) {
      longest = std::max(longest, rest->longest);
      time = rest->last;
      singly = 0;
    } else if (++singly > kFiresLookedAt) {
      time += days(1);
      singly = 0;
    }
    const auto next = Next(time);
    if (!next) break;
    longest = std::max(longest, floor<seconds>(*next - time));
    time = *next;
  }
  if (longest == seconds(0)) return std::nullopt;
  return longest;
}

std::vector<std::string> Cron::Doubts(base::WallTime now) const {
  std::vector<std::string> doubts;
  if (reads_five_as_six_) {
    doubts.push_back("\"" + text_ +
                     "\" has five fields: CloudNativePG takes the first for seconds, the third for hours; " +
                     "if it was meant as in crontab, write \"0 " + text_ + "\"");
  }
  if (!every_) {
    const auto shortest = WholeDay().shortest;
    if (shortest && *shortest <= minutes(1)) {
      doubts.push_back("\"" + text_ + "\" fires again after " + std::to_string(shortest->count()) +
                       " s: of six fields the first is seconds, of five it is minutes, and `*` is each of them");
    }
  }
  if (!Next(now)) doubts.push_back("\"" + text_ + "\" does not fire within five years");
  return doubts;
}

std::optional<seconds> ShortestPeriod(std::span<const Schedule> schedules, base::WallTime now) {
  std::optional<seconds> shortest;
  for (const auto& schedule : schedules) {
    if (schedule.suspended) continue;
    const auto period = schedule.cron.Period(now);
    if (period && (!shortest || *period < *shortest)) shortest = period;
  }
  return shortest;
}

}  // namespace pgvigil::cluster
