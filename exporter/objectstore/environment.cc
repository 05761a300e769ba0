#include "objectstore/environment.h"

#include <cstdlib>

namespace pgvigil::objectstore {

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

}  // namespace pgvigil::objectstore
