#include "query/explain.h"

#include <set>

#include "base/text.h"

namespace pgvigil::query {
namespace {

std::string Major(int version) { return std::to_string(version / 10000); }

std::string Versions(const Definition& definition) {
  constexpr int kOpen = 1'000'000;
  std::string text;
  for (const auto& range : definition.versions) {
    text += text.empty() ? "" : " or ";
    if (range.below > kOpen) {
      text += "PostgreSQL " + Major(range.from) + " and later";
    } else {
      text += range.from == 0 ? "before PostgreSQL " + Major(range.below)
                              : "PostgreSQL " + Major(range.from) + " to " + Major(range.below - 1);
    }
  }
  return text.empty() ? "every version" : text;
}

std::string Conditions(const Definition& definition) {
  std::string text = definition.role == RoleCondition::kAny       ? "every instance"
                     : definition.role == RoleCondition::kPrimary ? "the primary"
                                                                  : "standbys";
  text += ", " + Versions(definition);
  if (definition.scope == QueryScope::kDatabase) {
    text += ", each database of";
    for (const auto& pattern : definition.databases) text += " " + pattern;
  }
  if (!definition.when.empty()) text += ", where its predicate says yes";
  text += definition.every.count() > 0 ? ", every " + base::FormatDuration(definition.every) : ", with every scrape";
  return text;
}

}  // namespace

std::string Explain(const Catalog& catalog) {
  std::string text;
  for (const auto& definition : catalog.definitions()) {
    text += definition->id + ": " + Conditions(*definition) + "\n";
    std::string labels;
    for (const auto& column : definition->columns) {
      if (column.usage == Usage::kLabel) labels += (labels.empty() ? "" : ",") + column.label_name;
    }
    std::set<std::string> told;
    for (const auto& column : *definition->block_columns) {
      if (!told.insert(column.family).second) continue;
      text += "    " + column.family + (labels.empty() ? "" : "{" + labels + "}") + " " +
              std::string(metrics::Name(column.type)) + "\n";
    }
  }
  return text;
}

}  // namespace pgvigil::query
