// The grammar of cron expressions: text to the sets of values that match. Each rule is that of robfig/cron, unless a
// comment says what differs.
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "cluster/schedule.h"

namespace pgvigil::cluster {
namespace {

using std::chrono::seconds;

constexpr std::size_t kLongestText = 1000;
constexpr std::string_view kSpace = " \t\n\v\f\r";

struct Field {
  std::string_view name;
  unsigned min;
  unsigned max;
  std::span<const std::string_view> names;  // of the values from `min` on
  unsigned accepted_max;                    // more than `max` for a day of week of crontab: 7 is 0
};

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

constexpr Field kSeconds = {"second", 0, 59, {}, 59};
constexpr Field kMinutes = {"minute", 0, 59, {}, 59};
constexpr Field kHours = {"hour", 0, 23, {}, 23};
constexpr Field kDays = {"day of month", 1, 31, {}, 31};
constexpr Field kMonth = {"month", 1, 12, kMonths, 12};

Field Weekday(CronForm form) { return {"day of week", 0, 6, kWeekdays, form == CronForm::kStatic ? 7U : 6U}; }

struct Values {
  std::uint64_t bits = 0;
  bool star = false;
};

base::Error Wrong(const Field& field, std::string_view found, const std::string& expected) {
  return {base::ErrorKind::kMalformed,
          std::string(field.name) + ": expected " + expected + ", found \"" + base::ValidUtf8(found) + "\"", "", ""};
}

std::string Range(const Field& field) {
  auto text = std::to_string(field.min) + " to " + std::to_string(field.accepted_max);
  if (!field.names.empty()) {
    text +=
        " or a name of three letters, " + std::string(field.names.front()) + " to " + std::string(field.names.back());
  }
  return text;
}

bool SameIgnoringCase(std::string_view lower, std::string_view any) {
  if (lower.size() != any.size()) return false;
  for (std::size_t i = 0; i < any.size(); ++i) {
    const char c = any[i] >= 'A' && any[i] <= 'Z' ? static_cast<char>(any[i] - 'A' + 'a') : any[i];
    if (c != lower[i]) return false;
  }
  return true;
}

base::Result<unsigned> ReadValue(std::string_view text, const Field& field) {
  for (unsigned i = 0; i < field.names.size(); ++i) {
    if (SameIgnoringCase(field.names[i], text)) return field.min + i;
  }
  const auto number = base::ParseInteger<std::uint32_t>(text);
  if (!number || *number < field.min || *number > field.accepted_max) return Wrong(field, text, Range(field));
  return *number;
}

// "5", "5-9", "5-9/2", "5/2", "*", "*/2": one item of a list.
base::Result<Values> ReadItem(std::string_view item, const Field& field) {
  const auto parts = base::Split(item, '/');
  if (parts.size() > 2) return Wrong(field, item, "one step at most");
  const auto ends = base::Split(parts[0], '-');
  const bool star = ends[0] == "*" || ends[0] == "?";
  unsigned first = field.min;
  unsigned last = field.max;
  if (star) {
    if (ends.size() > 1) return Wrong(field, item, "no range after " + std::string(ends[0]));  // robfig ignores it
  } else {
    if (ends.size() > 2) return Wrong(field, item, "a range of two values");
    const auto low = ReadValue(ends[0], field);
    if (!low.ok()) return low.error();
    const auto high = ends.size() == 2 ? ReadValue(ends[1], field) : low;
    if (!high.ok()) return high.error();
    first = *low;
    if (ends.size() == 2 || parts.size() == 1) last = *high;
    if (first > last) return Wrong(field, item, "a range whose end is not before its start");
  }
  std::uint32_t step = 1;
  if (parts.size() == 2) {
    const auto number = base::ParseInteger<std::uint32_t>(parts[1]);
    if (!number || *number == 0) return Wrong(field, item, "a step of 1 or more after /");
    step = *number;
  }
  Values values{0, star};
  for (std::uint64_t value = first; value <= last; value += step) values.bits |= std::uint64_t{1} << value;
  return values;
}

base::Result<Values> ReadField(std::string_view text, const Field& field) {
  Values values;
  for (const auto item : base::Split(text, ',')) {
    if (item.empty()) continue;
    const auto read = ReadItem(item, field);
    if (!read.ok()) return read.error();
    values.bits |= read->bits;
    values.star = values.star || read->star;
  }
  if (values.bits == 0) return Wrong(field, text, Range(field));  // robfig takes "," for no value, which never fires
  if (field.accepted_max > field.max && (values.bits >> field.accepted_max & 1) != 0) {
    values.bits = (values.bits | 1) & ~(std::uint64_t{1} << field.accepted_max);
  }
  return values;
}

std::vector<std::string_view> SplitAtSpace(std::string_view text) {
  std::vector<std::string_view> words;
  for (auto start = text.find_first_not_of(kSpace); start != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(kSpace, start), text.size());
    words.push_back(text.substr(start, end - start));
    start = text.find_first_not_of(kSpace, end);
  }
  return words;
}

// Takes "1.5" and "h" from the start of `text` and says how many seconds that is. Units: Go's time.ParseDuration.
std::optional<double> TakeSpan(std::string_view& text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  constexpr Unit kUnits[] = {{"ns", 1e-9}, {"us", 1e-6}, {"\u00B5s", 1e-6}, {"\u03BCs", 1e-6},
                             {"ms", 1e-3}, {"h", 3600},  {"m", 60},         {"s", 1}};
  const auto number = text.substr(0, text.find_first_not_of("0123456789."));
  if (number.empty() || number.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  const auto value = base::ParseDouble(number.front() == '.' ? "0" + std::string(number) : std::string(number));
  if (!value) return std::nullopt;
  text.remove_prefix(number.size());
  for (const auto& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return *value * unit.seconds;
  }
  return std::nullopt;
}

// "1h30m" as whole seconds; what is less than one is one.
std::optional<seconds> ReadEvery(std::string_view text) {
  constexpr double kLongest = 9223372036;  // Go's durations are 64 bits of nanoseconds
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return seconds(1);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const auto span = TakeSpan(text);
    if (!span) return std::nullopt;
    total += *span;
  }
  if (!(total <= kLongest)) return std::nullopt;
  if (negative || total < 1) return seconds(1);
  constexpr double kRounding = 1e-9;  // 0.1h + 0.2h is not a second short of what was written
  return seconds(static_cast<std::int64_t>(std::floor(total + kRounding)));
}

// What "@daily" stands for, in six fields; empty for an unknown one.
std::string_view Descriptor(std::string_view text) {
  if (text == "@yearly" || text == "@annually") return "0 0 0 1 1 *";
  if (text == "@monthly") return "0 0 0 1 * *";
  if (text == "@weekly") return "0 0 0 * * 0";
  if (text == "@daily" || text == "@midnight") return "0 0 0 * * *";
  if (text == "@hourly") return "0 0 * * * *";
  return {};
}

}  // namespace

class CronReader {
 public:
  CronReader(CronForm form, const TimeZone& zone) : form_(form) { cron_.zone_ = zone; }

  base::Result<Cron> Read(std::string_view text) {
    if (text.size() > kLongestText) {
      return base::Error{base::ErrorKind::kLimit,
                         "expected a cron expression of at most " + std::to_string(kLongestText) + " bytes, found " +
                             std::to_string(text.size()),
                         "", ""};
    }
    cron_.text_ = text;
    auto status = ReadAll(text);
    if (status.ok()) return std::move(cron_);
    auto error = status.error();
    error.subject = base::ValidUtf8(text);
    return error;
  }

 private:
  base::Status ReadAll(std::string_view text) {
    auto words = SplitAtSpace(text);
    if (!words.empty() && (words[0].starts_with("TZ=") || words[0].starts_with("CRON_TZ="))) {
      if (const auto status = ReadZone(words[0]); !status.ok()) return status;
      words.erase(words.begin());
    }
    if (words.empty()) return Malformed("expected a cron expression, found nothing");
    if (words[0].starts_with('@')) return ReadDescriptor(words);
    return ReadFields(words);
  }

  base::Status ReadZone(std::string_view word) {
    if (form_ == CronForm::kCloudNativePg) {
      return Malformed("expected no time zone: CloudNativePG reads schedules in the operator's, found \"" +
                       base::ValidUtf8(word) + "\"");
    }
    const auto zone = TimeZone::Find(word.substr(word.find('=') + 1));
    if (!zone.ok()) return zone.error();
    cron_.zone_ = *zone;
    return base::Done{};
  }

  base::Status ReadDescriptor(const std::vector<std::string_view>& words) {
    if (words[0] == "@every" && words.size() == 2) {
      cron_.every_ = ReadEvery(words[1]);
      if (cron_.every_) return base::Done{};
    }
    if (words[0] == "@every") return Malformed("@every: expected one span such as 1h30m, of h, m, s");
    const auto fields = words.size() == 1 ? Descriptor(words[0]) : std::string_view();
    if (!fields.empty()) return ReadFields(SplitAtSpace(fields));
    return Malformed(
        "expected @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or \"@every 1h30m\", found \"" +
        base::ValidUtf8(words[0]) + "\"" + (words.size() > 1 ? " and more" : ""));
  }

  base::Status ReadFields(std::vector<std::string_view> words) {
    if (words.size() != 5 && words.size() != 6) {
      return Malformed("expected 5 or 6 fields (six have seconds first), found " + std::to_string(words.size()));
    }
    if (words.size() == 5 && form_ == CronForm::kStatic) {
      words.insert(words.begin(), "0");
    } else if (words.size() == 5) {
      words.emplace_back("*");
      cron_.reads_five_as_six_ = true;
    }
    const Field fields[] = {kSeconds, kMinutes, kHours, kDays, kMonth, Weekday(form_)};
    std::array<Values, 6> values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto read = ReadField(words[i], fields[i]);
      if (!read.ok()) return read.error();
      values[i] = *read;
    }
    cron_.fields_ = {values[0].bits,
                     values[1].bits,
                     values[2].bits,
                     values[3].bits,
                     values[4].bits,
                     values[5].bits,
                     !values[3].star && !values[5].star};
    return base::Done{};
  }

  static base::Error Malformed(std::string message) {
    return {base::ErrorKind::kMalformed, std::move(message), "", ""};
  }

  CronForm form_;
  Cron cron_;
};

base::Result<Cron> Cron::Parse(std::string_view text, CronForm form, const TimeZone& zone) {
  return CronReader(form, zone).Read(text);
}

}  // namespace pgvigil::cluster
