#include "query/definition.h"

#include <algorithm>

#include "base/text.h"

namespace pgvigil::query {

bool Applies(const Definition& definition, const ServerContext& server) {
  if (definition.role == RoleCondition::kPrimary && server.role != cluster::Role::kPrimary) return false;
  if (definition.role == RoleCondition::kStandby && server.role != cluster::Role::kStandby) return false;
  return definition.versions.empty() ||
         std::any_of(definition.versions.begin(), definition.versions.end(),
                     [&](const VersionRange& range) { return range.Contains(server.version); });
}

bool MatchesDatabase(const Definition& definition, std::string_view database) {
  if (definition.scope != QueryScope::kDatabase) return false;
  bool included = false;
  for (std::string_view pattern : definition.databases) {
    const bool excludes = pattern.starts_with('!');
    if (excludes) pattern.remove_prefix(1);
    if (!base::MatchesGlob(pattern, database)) continue;
    if (excludes) return false;
    included = true;
  }
  return included;
}

}  // namespace pgvigil::query
