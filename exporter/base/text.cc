#include "base/text.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>
#include <memory>

#include "base/file.h"

namespace pgvigil::base {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first, for formatting.
constexpr std::array kTimeUnits = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000},
                                   Unit{"ms", 1}};
constexpr std::array kSizeUnits = {Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20},
                                   Unit{"KiB", 1ULL << 10}, Unit{"B", 1}};

// The number and the rest of "30s"; nothing if there is no number at the start.
std::optional<std::pair<std::uint64_t, std::string_view>> SplitNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{}) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(stop - text.data())));
}

template <std::size_t N>
std::optional<std::uint64_t> Scaled(std::string_view text, const std::array<Unit, N>& units, std::uint64_t limit) {
  const auto split = SplitNumber(text);
  if (!split) return std::nullopt;
  for (const auto& unit : units) {
    if (split->second != unit.name) continue;
    if (split->first > limit / unit.factor) return std::nullopt;
    return split->first * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string InLargestUnit(std::uint64_t number, const std::array<Unit, N>& units) {
  for (const auto& unit : units) {
    if (number != 0 && number % unit.factor == 0) return std::to_string(number / unit.factor) + std::string(unit.name);
  }
  return "0" + std::string(units.back().name);
}

// The length of the well-formed UTF-8 sequence at the start of `text`, or 0. Source: Unicode 15, table 3-7.
std::size_t Utf8Sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // no overlong forms
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // no surrogates
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// Whether `c` is in the set that starts behind '[' at `at`; moves `at` behind its ']'. No ']': '[' stands for itself.
std::optional<bool> MatchesSet(std::string_view pattern, std::size_t& at, char c) {
  std::size_t i = at;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const std::size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found = found || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      found = found || pattern[i] == c;
    }
  }
  if (i >= pattern.size()) return std::nullopt;
  at = i + 1;
  return found != negated;
}

// Whether the pattern's element at `p` takes `c`; moves `p` behind it.
bool MatchesElement(std::string_view pattern, std::size_t& p, char c) {
  switch (pattern[p]) {
    case '?': ++p; return true;
    case '[': {
      std::size_t behind = p + 1;
      if (const auto matches = MatchesSet(pattern, behind, c)) {
        p = behind;
        return *matches;
      }
      break;
    }
    case '\\':
      if (p + 1 < pattern.size()) ++p;
      break;
    default: break;
  }
  return pattern[p++] == c;
}

}  // namespace

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  constexpr auto kLimit = static_cast<std::uint64_t>(std::chrono::milliseconds(std::chrono::years(100)).count());
  if (const auto span = Scaled(text, kTimeUnits, kLimit)) return std::chrono::milliseconds(*span);
  return Error{ErrorKind::kMalformed, "expected a duration such as 500ms, 30s, 5m, 26h or 7d", std::string(text), {}};
}

std::string FormatDuration(std::chrono::milliseconds span) {
  return InLargestUnit(static_cast<std::uint64_t>(span.count()), kTimeUnits);
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  constexpr auto kLimit = std::numeric_limits<std::int64_t>::max();
  if (const auto bytes = ParseInteger<std::uint64_t>(text); bytes && *bytes <= kLimit) return *bytes;
  if (const auto bytes = Scaled(text, kSizeUnits, kLimit)) return *bytes;
  return Error{
      ErrorKind::kMalformed, "expected a size such as 512KiB, 16MiB, 8GiB or a number of bytes", std::string(text), {}};
}

std::string FormatSize(std::uint64_t bytes) { return InLargestUnit(bytes, kSizeUnits); }

std::optional<double> ParseDouble(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  if (text.empty() || text.front() == '+' || text.back() == ')')
    return std::nullopt;  // "nan(7)" is C's, not PostgreSQL's
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (stop != end || problem != std::errc{}) return std::nullopt;
  return number;
}

template <typename Integer>
std::optional<Integer> ParseInteger(std::string_view text) {
  Integer number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (text.empty() || stop != end || problem != std::errc{}) return std::nullopt;
  return number;
}
template std::optional<std::int32_t> ParseInteger(std::string_view);
template std::optional<std::uint32_t> ParseInteger(std::string_view);
template std::optional<std::int64_t> ParseInteger(std::string_view);
template std::optional<std::uint64_t> ParseInteger(std::string_view);

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0;;) {
    const auto end = text.find(separator, start);
    parts.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

bool MatchesGlob(std::string_view pattern, std::string_view text) {
  // Greedy with one point of return: only the last '*' ever needs to take more, so the time is at most the product of
  // both lengths.
  constexpr auto kNone = std::string_view::npos;
  std::size_t p = 0, t = 0, star = kNone, star_text = 0;
  while (t < text.size()) {
    std::size_t behind = p;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && MatchesElement(pattern, behind, text[t])) {
      p = behind;
      ++t;
    } else if (star != kNone) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == kNone;
}

std::string ContentHash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a, 64 bits
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
  return digits.data();
}

std::string ValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const auto length = Utf8Sequence(text);
    valid += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return FileError(errno, path);
  std::string content(limit + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0)
    return Error{ErrorKind::kUnavailable, "cannot be read (is it a directory?)", path, {}};
  if (content.size() > limit) {
    return Error{ErrorKind::kLimit, "is larger than the " + FormatSize(limit) + " expected at most", path, {}};
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  return content;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string decoded(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  decoded.resize(static_cast<std::size_t>(length) - padding);
  return decoded;
}

}  // namespace pgvigil::base
