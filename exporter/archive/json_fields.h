// JSON of outside tools, read without exceptions and with limits. Private to the .cc files of this module.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::archive {

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
inline std::optional<nlohmann::json> ParseJson(std::string_view text) {
  constexpr int kDepthAtMost = 32;
  if (NestsDeeperThan(text, kDepthAtMost)) return std::nullopt;
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

// A member, or null if there is none or this is no object.
inline const nlohmann::json& Member(const nlohmann::json& value, const char* key) {
  static const nlohmann::json kNull;
  if (!value.is_object()) return kNull;
  const auto found = value.find(key);
  return found == value.end() ? kNull : *found;
}

// An array as it is, an empty one in place of anything else.
inline const nlohmann::json& Items(const nlohmann::json& value) {
  static const nlohmann::json kNone = nlohmann::json::array();
  return value.is_array() ? value : kNone;
}

inline std::string TextOf(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : ""; }

inline std::optional<std::uint64_t> NumberOf(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

inline bool IsTrue(const nlohmann::json& value) { return value.is_boolean() && value.get<bool>(); }

}  // namespace pgvigil::archive
