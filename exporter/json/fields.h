// JSON read without exceptions and with limits: what outside tools wrote, and what we wrote ourselves. To be included
// by .cc files only: a header that needs the type includes <nlohmann/json_fwd.hpp>.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::json {

using Value = nlohmann::json;

// Whether brackets stand in each other deeper than that; a parser that recurses is not asked then.
inline bool NestsDeeperThan(std::string_view text, int most) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    in_string = c == '"';
    if ((c == '{' || c == '[') && ++depth > most) return true;
    if (c == '}' || c == ']') --depth;
  }
  return false;
}

// Absent: it is no JSON.
inline std::optional<Value> Parse(std::string_view text) {
  constexpr int kDepthAtMost = 32;
  if (NestsDeeperThan(text, kDepthAtMost)) return std::nullopt;
  auto value = Value::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

// A member, or null if there is none or this is no object.
inline const Value& Member(const Value& value, const char* key) {
  static const Value kNull;
  if (!value.is_object()) return kNull;
  const auto found = value.find(key);
  return found == value.end() ? kNull : *found;
}

// An array as it is, an empty one in place of anything else.
inline const Value& Items(const Value& value) {
  static const Value kNone = Value::array();
  return value.is_array() ? value : kNone;
}

inline std::string TextOf(const Value& value) { return value.is_string() ? value.get<std::string>() : ""; }

inline std::optional<std::uint64_t> NumberOf(const Value& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

inline bool IsTrue(const Value& value) { return value.is_boolean() && value.get<bool>(); }

}  // namespace pgvigil::json
