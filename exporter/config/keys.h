// The table of configuration keys: the one place that says which there are, of what type, with which default, limits
// and meaning. The parser's checks, the JSON schema, the reference page and `--help` are all read off it.
#pragma once

#include <span>
#include <string_view>

#include "yaml/form.h"

namespace pgvigil::config {

using yaml::Key;
using yaml::KeyType;

// The members of the whole file.
std::span<const Key> Keys();

// The key at a path such as "log.level", which there must be.
const Key& KeyAt(std::string_view path);

}  // namespace pgvigil::config
