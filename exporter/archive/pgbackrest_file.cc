#include "archive/pgbackrest_file.h"

#include <optional>
#include <string>

#include "base/text.h"
#include "json/fields.h"

namespace pgvigil::archive {
namespace {

using json::NumberOf;

struct Line {
  std::string_view key;
  json::Value value;
};

// A key may hold an equals sign, too: the first one behind which JSON stands is meant.
std::optional<Line> Parse(std::string_view line) {
  for (auto equals = line.find('='); equals != std::string_view::npos; equals = line.find('=', equals + 1)) {
    if (auto value = json::Parse(line.substr(equals + 1))) return Line{line.substr(0, equals), *std::move(value)};
  }
  return std::nullopt;
}

}  // namespace

base::Status FollowBackrestText(std::string_view text, std::string_view subject, const BackrestKey& take) {
  std::string_view section;
  std::uint64_t format = 0, number = 0;
  bool whole = false;
  const auto malformed = [&](std::string what) {
    return base::Error{
        base::ErrorKind::kMalformed, std::move(what), std::string(subject) + ":" + std::to_string(number), {}};
  };
  for (const auto raw : base::Split(text, '\n')) {
    ++number;
    const auto line = base::Trim(raw);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    if (line.find('=') == std::string_view::npos) return malformed("expected key=value");
    const auto parsed = Parse(line);
    if (!parsed) return malformed("expected JSON behind the key");
    if (section == "backrest" && parsed->key == "backrest-format") format = NumberOf(parsed->value).value_or(0);
    if (section == "backrest" && parsed->key == "backrest-checksum") whole = true;  // it is written last
    if (const auto taken = take(section, parsed->key, parsed->value); !taken.ok())
      return malformed(taken.error().message);
  }
  if (format != 5) return malformed("expected an info file of format 5");
  if (!whole) return malformed("it ends too early: there is no checksum");
  return base::Done{};
}

}  // namespace pgvigil::archive
