#include "query/catalog.h"

#include <glob.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "query/definition_reader.h"

namespace pgvigil::query {
namespace {

// Sorted, as the shell gives them: the numbers in the names of query files set their order.
std::vector<std::string> MatchingFiles(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), GLOB_ERR, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

bool Overlap(const Definition& a, const Definition& b) {
  if (a.versions.empty() || b.versions.empty()) return true;
  return std::any_of(a.versions.begin(), a.versions.end(), [&](const VersionRange& x) {
    return std::any_of(b.versions.begin(), b.versions.end(),
                       [&](const VersionRange& y) { return x.from < y.below && y.from < x.below; });
  });
}

bool CanMeet(const Definition& a, const Definition& b) {
  const bool apart = a.role != b.role && a.role != RoleCondition::kAny && b.role != RoleCondition::kAny;
  return !apart && Overlap(a, b);
}

class Loader {
 public:
  Loader(const Options& options, base::Diagnostics& diagnostics) : options_(options), diagnostics_(diagnostics) {}

  std::vector<DefinitionPtr> Load() {
    for (const auto& set : options_.file_sets) {
      const auto files = MatchingFiles(set.files);
      if (files.empty()) diagnostics_.Error({set.files, 0, 0}, "", "no query file matches");
      for (const auto& file : files) File(file, set.prefix);
    }
    for (const auto& name : options_.enable) {
      if (!ids_.contains(name)) diagnostics_.Error({}, "queries[].enable", "no query is named \"" + name + "\"");
    }
    return std::move(definitions_);
  }

 private:
  void File(const std::string& file, const std::string& prefix) {
    const auto root = yaml::Load(file, {}, diagnostics_);
    if (!root || root->IsNull()) return;
    if (!root->IsMap()) return diagnostics_.Error(root->place(), "", "expected a map of query names to queries");
    for (const auto& member : root->members()) {
      auto definition = ReadDefinition(member.key, member.value, {prefix, options_.series_per_query}, diagnostics_);
      if (!definition) continue;
      definition->place = member.place;
      if (!ids_.emplace(member.key, member.place).second) {
        const auto& first = ids_.at(member.key);
        diagnostics_.Error(member.place, member.key,
                           "a query of that name is in " + first.file + ":" + std::to_string(first.line));
        continue;
      }
      if (std::find(options_.enable.begin(), options_.enable.end(), member.key) != options_.enable.end())
        definition->enabled = true;
      if (definition->enabled && AgreesWithTheOthers(*definition)) definitions_.push_back(std::move(definition));
    }
  }

  // Several queries may yield one family, each on its own versions or role, if they agree on what it is.
  bool AgreesWithTheOthers(const Definition& definition) {
    for (const auto& column : *definition.block_columns) {
      for (const auto& other : families_[column.family]) {
        const auto same = std::find_if(other->block_columns->begin(), other->block_columns->end(),
                                       [&](const auto& candidate) { return candidate.family == column.family; });
        if (same->type != column.type) {
          diagnostics_.Error(definition.place, definition.id,
                             column.family + " is a " + std::string(Name(same->type)) + " in " + other->id + " and a " +
                                 std::string(Name(column.type)) + " here");
          return false;
        }
        if (CanMeet(*other, definition)) {
          diagnostics_.Error(definition.place, definition.id,
                             column.family + " comes from " + other->id +
                                 " as well, on versions or a role that both have: give them versions that are apart");
          return false;
        }
      }
    }
    const auto kept = std::make_shared<const Definition>(definition);
    for (const auto& column : *definition.block_columns) {
      auto& sources = families_[column.family];
      if (sources.empty() || sources.back() != kept) sources.push_back(kept);
    }
    return true;
  }

  const Options& options_;
  base::Diagnostics& diagnostics_;
  std::vector<DefinitionPtr> definitions_;
  std::map<std::string, base::Place> ids_;
  std::map<std::string, std::vector<DefinitionPtr>> families_;  // who yields which
};

}  // namespace

std::shared_ptr<const Catalog> Catalog::Load(const Options& options, base::Diagnostics& diagnostics) {
  auto catalog = std::make_shared<Catalog>();
  catalog->definitions_ = Loader(options, diagnostics).Load();
  return catalog;
}

}  // namespace pgvigil::query
