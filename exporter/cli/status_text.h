// The answer of /api/v1/status as text for a person. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::cli {

struct StatusText {
  std::string text;      // ends with a newline
  std::string standing;  // "fine", "unknown", "broken": of all clusters in it
};

// `json`: as docs/status.schema.json says; absent for anything else. Control characters in it, which a terminal would
// obey, are replaced. Lines that are meant to be copied are never broken.
std::optional<StatusText> RenderStatus(std::string_view json, bool colour);

}  // namespace pgvigil::cli
