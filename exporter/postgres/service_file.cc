#include "postgres/service_file.h"

#include <cstdlib>
#include <optional>
#include <vector>

#include "base/text.h"

namespace pgvigil::postgres {
namespace {

constexpr std::size_t kLargestFile = 1 << 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::vector<std::string> ServiceFiles() {
  const auto named = Environment("PGSERVICEFILE");
  const auto home = Environment("HOME");
  const auto directory = Environment("PGSYSCONFDIR");
  return {!named.empty() ? named : home + "/.pg_service.conf",
          (directory.empty() ? "/etc/postgresql-common" : directory) + "/pg_service.conf"};
}

std::optional<std::map<std::string, std::string>> FindSection(std::string_view text, const std::string& name) {
  std::optional<std::map<std::string, std::string>> section;
  for (auto line : base::Split(text, '\n')) {
    line = base::Trim(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      if (section) break;
      if (line == "[" + name + "]") section.emplace();
      continue;
    }
    const auto equals = line.find('=');
    if (!section || equals == std::string_view::npos) continue;
    section->emplace(base::Trim(line.substr(0, equals)), base::Trim(line.substr(equals + 1)));
  }
  return section;
}

}  // namespace

base::Result<std::map<std::string, std::string>> ReadService(const std::string& name) {
  std::string looked_in;
  for (const auto& path : ServiceFiles()) {
    looked_in += (looked_in.empty() ? "" : ", ") + path;
    const auto text = base::ReadFile(path, kLargestFile);
    if (!text.ok()) continue;
    if (auto section = FindSection(*text, name)) return *section;
  }
  return base::Error{base::ErrorKind::kNotFound, "no service \"" + name + "\" in " + looked_in, name, {}};
}

}  // namespace pgvigil::postgres
