#include "query/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace pgvigil::query {
namespace {

constexpr std::uint32_t kBool = 16, kDate = 1082, kTimestamp = 1114, kTimestampTz = 1184, kInterval = 1186;

// Takes digits from the start of `text`, at least `least` of them.
std::optional<int> TakeDigits(std::string_view& text, std::size_t least) {
  int value = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(stop - text.data());
  if (problem != std::errc{} || text.front() == '-' || length < least) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool Take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// "HH:MM:SS[.ffffff]", then nothing or "+00": the session's zone is UTC.
std::optional<double> TimeOfDay(std::string_view text) {
  const auto hours = TakeDigits(text, 2);
  if (!hours || !Take(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes || !Take(text, ':')) return std::nullopt;
  const auto zone = text.find('+');
  if (zone != std::string_view::npos && text.substr(zone) != "+00") return std::nullopt;
  const auto seconds = base::ParseDouble(text.substr(0, zone));
  if (!seconds || *seconds < 0) return std::nullopt;
  return *hours * 3600.0 + *minutes * 60.0 + *seconds;
}

// "2026-11-24", "2026-11-24 10:21:00.5+00", "0044-03-15 BC".
std::optional<double> Moment(std::string_view text) {
  const bool before_christ = text.ends_with(" BC");
  if (before_christ) text.remove_suffix(3);
  const auto year = TakeDigits(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day) return std::nullopt;
  using namespace std::chrono;
  constexpr int kLastOfChrono = 32767;
  if (*year > kLastOfChrono) return std::nullopt;
  const year_month_day date(std::chrono::year(before_christ ? 1 - *year : *year),
                            std::chrono::month(static_cast<unsigned>(*month)),
                            std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const auto midnight = static_cast<double>(sys_days(date).time_since_epoch().count()) * 86400.0;
  if (text.empty()) return midnight;
  if (!Take(text, ' ')) return std::nullopt;
  const auto time = TimeOfDay(text);
  if (!time) return std::nullopt;
  return midnight + *time;
}

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr std::array kDateUnits = {Unit{"Y", 365.25 * 86400}, Unit{"M", 30.0 * 86400}, Unit{"W", 7.0 * 86400},
                                   Unit{"D", 86400}};
constexpr std::array kTimeUnits = {Unit{"H", 3600}, Unit{"M", 60}, Unit{"S", 1}};
constexpr std::array kGoUnits = {Unit{"h", 3600},  Unit{"ms", 1e-3}, Unit{"us", 1e-6}, Unit{"µs", 1e-6},
                                 Unit{"ns", 1e-9}, Unit{"m", 60},    Unit{"s", 1}};

// The sum of "<number><unit>" pairs that fill the text, of which there must be one.
template <std::size_t N>
std::optional<double> SumOfUnits(std::string_view text, const std::array<Unit, N>& units) {
  double sum = 0;
  do {
    const auto number_end = text.find_first_not_of("+-.0123456789");
    if (number_end == std::string_view::npos) return std::nullopt;
    const auto number = base::ParseDouble(text.substr(0, number_end));
    text.remove_prefix(number_end);
    const auto unit =
        std::find_if(units.begin(), units.end(), [&](const Unit& known) { return text.starts_with(known.name); });
    if (!number || unit == units.end()) return std::nullopt;
    sum += *number * unit->seconds;
    text.remove_prefix(unit->name.size());
  } while (!text.empty());
  return sum;
}

std::optional<double> Interval(std::string_view text) {
  if (!Take(text, 'P') || text.empty()) return std::nullopt;
  const auto time_at = text.find('T');
  double seconds = 0;
  if (const auto date = text.substr(0, time_at); !date.empty()) {
    const auto days = SumOfUnits(date, kDateUnits);
    if (!days) return std::nullopt;
    seconds += *days;
  }
  if (time_at == std::string_view::npos) return seconds;
  const auto time = SumOfUnits(text.substr(time_at + 1), kTimeUnits);
  if (!time) return std::nullopt;
  return seconds + *time;
}

}  // namespace

std::optional<double> NumberFromText(std::uint32_t type, std::string_view text) {
  switch (type) {
    case kBool: return text == "t" ? std::optional(1.0) : text == "f" ? std::optional(0.0) : std::nullopt;
    case kDate:
    case kTimestamp:
    case kTimestampTz: return Moment(text);
    case kInterval: return Interval(text);
    default: return base::ParseDouble(text);
  }
}

std::optional<double> SecondsFromText(std::string_view text) {
  if (text.starts_with('P')) return Interval(text);
  if (const auto number = base::ParseDouble(text)) return number;
  const bool negative = Take(text, '-');
  const auto seconds = text.empty() ? std::nullopt : SumOfUnits(text, kGoUnits);
  if (!seconds) return std::nullopt;
  return negative ? -*seconds : *seconds;
}

std::optional<std::vector<double>> NumbersFromArray(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<double> numbers;
  if (text.empty()) return numbers;
  for (const auto part : base::Split(text, ',')) {
    const auto number = base::ParseDouble(part);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace pgvigil::query
