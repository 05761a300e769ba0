#include "base/timestamps.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"

namespace pgvigil::base {
namespace {

struct Fields {
  std::uint32_t year, month, day, hour, minute, second;
};

std::optional<WallTime> TimeOf(const Fields& at) {
  const auto date =
      std::chrono::year(static_cast<int>(at.year)) / static_cast<unsigned>(at.month) / static_cast<unsigned>(at.day);
  if (!date.ok() || at.hour > 23 || at.minute > 59 || at.second > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(at.hour) + std::chrono::minutes(at.minute) +
         std::chrono::seconds(at.second);
}

// `digits` digits from `at` on.
std::optional<std::uint32_t> Number(std::string_view text, std::size_t at, std::size_t digits) {
  if (text.size() < at + digits) return std::nullopt;
  const auto part = text.substr(at, digits);
  if (!std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return ParseInteger<std::uint32_t>(part);
}

// "Z", "+02:00": what local time is ahead by.
std::optional<std::chrono::minutes> Offset(std::string_view text) {
  if (text == "Z") return std::chrono::minutes(0);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = Number(text, 1, 2), minutes = Number(text, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return text[0] == '+' ? offset : -offset;
}

}  // namespace

std::optional<WallTime> ParseIsoTime(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = Number(text, 0, 4), month = Number(text, 5, 2), day = Number(text, 8, 2);
  const auto hour = Number(text, 11, 2), minute = Number(text, 14, 2), second = Number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  auto time = TimeOf({*year, *month, *day, *hour, *minute, *second});
  auto rest = text.substr(19);
  if (time && rest.starts_with('.')) {
    rest.remove_prefix(1);
    std::int64_t scale = 100'000;  // microseconds
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
      *time += std::chrono::microseconds((rest.front() - '0') * scale);
      scale /= 10;
      rest.remove_prefix(1);
    }
  }
  const auto offset = Offset(rest);
  if (!time || !offset) return std::nullopt;
  return *time - *offset;
}

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(25) != " GMT" || text[3] != ',') return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const auto day = Number(text, 5, 2), year = Number(text, 12, 4);
  const auto hour = Number(text, 17, 2), minute = Number(text, 20, 2), second = Number(text, 23, 2);
  if (!day || !year || !hour || !minute || !second) return std::nullopt;
  return TimeOf({*year, static_cast<std::uint32_t>(month - kMonths.begin() + 1), *day, *hour, *minute, *second});
}

std::string AmzDate(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace pgvigil::base
