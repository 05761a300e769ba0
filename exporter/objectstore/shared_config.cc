#include "objectstore/shared_config.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// "value # why" and "value ; why": the space tells a comment from a character of a secret.
std::string_view WithoutComment(std::string_view value) {
  for (const std::string_view sign : {" #", " ;", "\t#", "\t;"}) value = value.substr(0, value.find(sign));
  return base::Trim(value);
}

// The profile that a "[section]" is for; nothing for sections of other kinds.
std::optional<std::string> ProfileOf(std::string_view section, SharedFile which) {
  section = base::Trim(section);
  if (which == SharedFile::kCredentials || section == "default") return std::string(section);
  constexpr std::string_view kWord = "profile";
  if (!section.starts_with(kWord) || section.size() == kWord.size()) return std::nullopt;
  if (section[kWord.size()] != ' ' && section[kWord.size()] != '\t') return std::nullopt;
  auto name = base::Trim(section.substr(kWord.size()));
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  return std::string(name);
}

}  // namespace

// No line is quoted in an error: it may be a secret.
base::Result<Profiles> ParseSharedFile(std::string_view text, SharedFile which) {
  Profiles profiles;
  Settings* settings = nullptr;
  int number = 0;
  for (const auto line : base::Split(text, '\n')) {
    ++number;
    const auto trimmed = base::Trim(line);
    if (trimmed.empty() || trimmed.front() == '#' || trimmed.front() == ';') continue;
    if (trimmed.front() == '[') {
      const auto end = trimmed.find(']');
      if (end == std::string_view::npos) {
        return Error{
            ErrorKind::kMalformed, "expected ] behind the name of a profile", "line " + std::to_string(number), {}};
      }
      const auto name = ProfileOf(trimmed.substr(1, end - 1), which);
      settings = name ? &profiles[*name] : nullptr;
      continue;
    }
    const bool is_nested = line.front() == ' ' || line.front() == '\t';
    if (settings == nullptr || is_nested) continue;
    const auto equals = trimmed.find('=');
    if (equals == std::string_view::npos) {
      return Error{ErrorKind::kMalformed, "expected name = value", "line " + std::to_string(number), {}};
    }
    (*settings)[Lower(base::Trim(trimmed.substr(0, equals)))] = WithoutComment(trimmed.substr(equals + 1));
  }
  return profiles;
}

}  // namespace pgvigil::objectstore
