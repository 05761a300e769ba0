#include "archive/backup_info.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace pgvigil::archive {
namespace {

constexpr std::size_t kLinesAtMost = 10000;

template <typename Number>
bool ParseNumber(std::string_view text, Number& number, int base = 10) {
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number, base);
  return !text.empty() && problem == std::errc{} && stop == end;
}

// Digits from the front of `text`, which is cut; false if there are not exactly `count`.
bool TakeDigits(std::string_view& text, std::size_t count, int& value) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto digits = text.substr(0, count);
  if (digits.size() < count || !std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  text.remove_prefix(count);
  return ParseNumber(digits, value);
}

bool Take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// ".217166": one to nine digits, as microseconds.
std::optional<std::chrono::microseconds> TakeFraction(std::string_view& text) {
  std::int64_t micros = 0;
  if (!Take(text, '.')) return std::chrono::microseconds(0);
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    if (digits < 6) micros = micros * 10 + (text.front() - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 6; ++digits) micros *= 10;
  return std::chrono::microseconds(micros);
}

// "+00:00", "-0330", "Z" or nothing.
std::optional<std::chrono::minutes> TakeOffset(std::string_view& text) {
  if (text.empty() || Take(text, 'Z')) return std::chrono::minutes(0);
  const int sign = text.front() == '-' ? -1 : 1;
  if (!Take(text, '+') && !Take(text, '-')) return std::nullopt;
  int hours = 0, minutes = 0;
  if (!TakeDigits(text, 2, hours)) return std::nullopt;
  Take(text, ':');
  if (!TakeDigits(text, 2, minutes)) return std::nullopt;
  return sign * (std::chrono::hours(hours) + std::chrono::minutes(minutes));
}

std::uint32_t TimelineOf(std::string_view wal_name) {
  std::uint32_t timeline = 0;
  return wal_name.size() == 24 && ParseNumber(wal_name.substr(0, 8), timeline, 16) ? timeline : 0;
}

// "[('tbs', 16388, '/path'), ...]": the numbers that stand alone between two commas outside of strings.
std::vector<std::uint32_t> TablespaceOids(std::string_view text) {
  std::vector<std::uint32_t> oids;
  char quote = 0;
  std::string_view word;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\')
        ++i;
      else if (c == quote)
        quote = 0;
      continue;
    }
    if (c == '\'' || c == '"') quote = c;
    if (c >= '0' && c <= '9') {
      word = word.empty() ? text.substr(i, 1) : std::string_view(word.data(), word.size() + 1);
      continue;
    }
    std::uint32_t oid = 0;
    if (c == ',' && ParseNumber(word, oid)) oids.push_back(oid);
    word = {};
  }
  return oids;
}

// What a key's value is put into; false: it is not what the key should hold.
bool Assign(BackupInfo& info, std::string_view key, std::string_view value) {
  const auto time = [&](std::optional<base::WallTime>& into) { return (into = ParsePythonTime(value)).has_value(); };
  const auto lsn = [&](std::optional<wal::Lsn>& into) {
    const auto parsed = wal::ParseLsn(value);
    if (parsed.ok()) into = *parsed;
    return parsed.ok();
  };
  if (key == "status") info.status = value;
  if (key == "backup_name") info.name = value;
  if (key == "error") info.error = value;
  if (key == "systemid") info.system_identifier = value;
  if (key == "parent_backup_id") info.parent = value;
  if (key == "snapshots_info") info.is_snapshot = true;
  if (key == "tablespaces") info.tablespaces = TablespaceOids(value);
  if (key == "begin_time") return time(info.begin_time);
  if (key == "end_time") return time(info.end_time);
  if (key == "begin_xlog") return lsn(info.begin);
  if (key == "end_xlog") return lsn(info.end);
  if (key == "begin_wal") return (info.begin_timeline = TimelineOf(value)) != 0;
  if (key == "end_wal") return (info.end_timeline = TimelineOf(value)) != 0;
  if (key == "xlog_segment_size") return ParseNumber(value, info.segment_size);
  return true;
}

}  // namespace

std::optional<base::WallTime> ParsePythonTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool date = TakeDigits(text, 4, year) && Take(text, '-') && TakeDigits(text, 2, month) && Take(text, '-') &&
                    TakeDigits(text, 2, day) && (Take(text, ' ') || Take(text, 'T'));
  const bool time = date && TakeDigits(text, 2, hour) && Take(text, ':') && TakeDigits(text, 2, minute) &&
                    Take(text, ':') && TakeDigits(text, 2, second);
  if (!time || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::chrono::year_month_day calendar{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                             std::chrono::day(static_cast<unsigned>(day))};
  const auto fraction = TakeFraction(text);
  if (!calendar.ok() || !fraction) return std::nullopt;
  const auto offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return std::chrono::sys_days(calendar) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + *fraction - *offset;
}

base::Result<BackupInfo> ParseBackupInfo(std::string_view text, std::string_view subject) {
  BackupInfo info;
  const auto malformed = [&](std::size_t line, std::string what) {
    return base::Error{
        base::ErrorKind::kMalformed, std::move(what), std::string(subject) + ":" + std::to_string(line), {}};
  };
  std::size_t number = 0;
  while (!text.empty()) {
    if (++number > kLinesAtMost) return malformed(number, "expected the lines of a backup.info, found far more");
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = base::Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return malformed(number, "expected key=value");
    const auto key = base::Trim(line.substr(0, equals));
    const auto value = base::Trim(line.substr(equals + 1));
    if (value == "None" || value.empty()) continue;
    if (!Assign(info, key, value))
      return malformed(number, "no value that " + std::string(key) + " can have: " + std::string(value.substr(0, 80)));
  }
  if (info.status.empty()) return malformed(number, "expected a status, found none: is this a backup.info?");
  return info;
}

}  // namespace pgvigil::archive
