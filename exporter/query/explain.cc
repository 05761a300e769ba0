#include "query/explain.h"

#include <algorithm>
#include <map>
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

constexpr int kOldestMajor = 13, kNewestMajor = 18;

// Nothing said is every version.
bool CoversMajor(const Definition& definition, int major) {
  const auto covers = [&](const VersionRange& range) {
    return range.from < (major + 1) * 10000 && range.below > major * 10000;
  };
  return definition.versions.empty() || std::any_of(definition.versions.begin(), definition.versions.end(), covers);
}

// The majors without, once there is one with: what came with a version may be missing before it.
std::string MissingMajors(const std::vector<DefinitionPtr>& sources) {
  std::string missing;
  bool seen = false;
  for (int major = kOldestMajor; major <= kNewestMajor; ++major) {
    const bool covered = std::any_of(sources.begin(), sources.end(),
                                     [&](const DefinitionPtr& source) { return CoversMajor(*source, major); });
    seen = seen || covered;
    if (seen && !covered) missing += (missing.empty() ? "" : ", ") + std::to_string(major);
  }
  return missing;
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

std::string WhyNot(const Definition& definition, const ServerContext& server) {
  if (Applies(definition, server)) return "";
  const bool primary = server.role == cluster::Role::kPrimary;
  if (definition.role == RoleCondition::kStandby && primary) return "for standbys, and this is a primary";
  if (definition.role == RoleCondition::kPrimary && !primary) return "for the primary, and this is a standby";
  return "for " + Versions(definition) + ", and this is PostgreSQL " + Major(server.version);
}

std::vector<std::string> Hints(const Catalog& catalog) {
  std::map<std::string, std::vector<DefinitionPtr>> families;
  std::vector<std::string> hints;
  const auto hint = [&](const Definition& definition, const std::string& text) {
    hints.push_back(base::Format({base::Severity::kError, definition.place, definition.id, text}));
  };
  for (const auto& definition : catalog.definitions()) {
    for (const auto& column : *definition->block_columns) {
      auto& sources = families[column.family];
      if (sources.empty() && column.type == metrics::Type::kCounter && !column.family.ends_with("_total"))
        hint(*definition, column.family + " is a counter: by convention its name ends in _total");
      sources.push_back(definition);
    }
  }
  for (const auto& [family, sources] : families) {
    const auto missing = MissingMajors(sources);
    if (missing.empty()) continue;
    std::string text = family;
    text += " is not there on PostgreSQL ";
    text += missing;
    hint(*sources.back(), text);
  }
  return hints;
}

}  // namespace pgvigil::query
