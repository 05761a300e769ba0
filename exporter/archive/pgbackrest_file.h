// The text of pgBackRest's own files, info files and manifests: sections of keys whose values are JSON. Source:
// pgBackRest's info/info.c; format 5. Pure; private to this module.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace pgvigil::archive {

// A key of a section. An error of it, but for the place, ends the reading.
using BackrestKey =
    std::function<base::Status(std::string_view section, std::string_view key, const nlohmann::json& value)>;

// malformed (subject: with the line): it makes no sense, is of another format, or is cut short.
base::Status FollowBackrestText(std::string_view text, std::string_view subject, const BackrestKey& take);

}  // namespace pgvigil::archive
