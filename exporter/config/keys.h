// The table of configuration keys: the one place that says which there are, of what type, with which default and
// meaning. The parser's checks, the JSON schema and the reference page are all read off it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "yaml/document.h"

namespace pgvigil::config {

enum class KeyType {
  kText,
  kDuration,  // 500ms 30s 5m 26h 7d
  kSize,      // 16MiB, or a number of bytes
  kCount,     // a whole number, 0 or more
  kRatio,     // 0 to 1
  kSwitch,    // true, false
  kChoice,    // one of `choices`
  kTexts,     // a list of text
  kMap,       // `members`
  kMaps,      // a list of maps with `members`
};

struct Key {
  std::string_view name;
  KeyType type;
  std::string_view fallback;  // as written in a file; empty: none
  std::string_view help;      // one sentence
  bool required = false;
  std::span<const Key> members = {};
  std::span<const std::string_view> choices = {};
};

// The members of the whole file.
std::span<const Key> Keys();

// Everything in `root` that the table does not allow: unknown keys (with the nearest known one), wrong types and units,
// missing required keys. What passes can be read without further checks of form.
void Validate(const yaml::Node& root, base::Diagnostics& diagnostics);

// "expected a duration such as ..." for a person.
std::string Expectation(const Key& key);

}  // namespace pgvigil::config
