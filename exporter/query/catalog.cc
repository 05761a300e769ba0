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
      if (files.empty()) {
        diagnostics_.Error(set.place, set.path, "no query file matches " + set.files);
        all_files_read_ = false;
      }
      keys_.clear();
      for (const auto& file : files) File(file, set);
      for (const auto& wanted : set.enable) {
        if (!all_files_read_ || keys_.contains(wanted.name)) continue;
        diagnostics_.Error(wanted.place, wanted.path, "no query of these files is named \"" + wanted.name + "\"");
      }
    }
    return std::move(definitions_);
  }

  bool all_files_read() const { return all_files_read_; }

 private:
  void File(const std::string& file, const FileSet& set) {
    const auto root = yaml::Load(file, {}, diagnostics_);
    if (root && !root->IsNull() && !root->IsMap())
      diagnostics_.Error(root->place(), "", "expected a map of query names to queries");
    if (!root || !(root->IsNull() || root->IsMap())) all_files_read_ = false;
    if (!root) return;
    for (const auto& member : root->members()) {
      keys_.insert({member.key, set.prefix + "_" + member.key});
      if (member.value.flawed()) continue;  // half of it is not what was meant
      auto definition = ReadDefinition(member.key, member.value, {set.prefix, options_.series_per_query}, diagnostics_);
      if (!definition) continue;
      definition->place = member.place;
      if (!ids_.emplace(definition->id, member.place).second) {
        const auto& first = ids_.at(definition->id);
        diagnostics_.Error(member.place, member.key,
                           "a query of that name is in " + first.file + ":" + std::to_string(first.line));
        continue;
      }
      const auto wanted = [&](const Wanted& one) { return one.name == definition->id || one.name == member.key; };
      if (options_.enable_all || std::any_of(set.enable.begin(), set.enable.end(), wanted)) definition->enabled = true;
      if (definition->enabled && AgreesWithTheOthers(*definition)) definitions_.push_back(std::move(definition));
    }
  }

  // Several queries may yield one family, each on its own versions or role, if they agree on what it is.
  bool AgreesWithTheOthers(const Definition& definition) {
    for (const auto& column : *definition.block_columns) {
      if (!IsFree(definition, column)) return false;
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
      samples_.emplace(column.sample, column.family);
      auto& sources = families_[column.family];
      if (sources.empty() || sources.back() != kept) sources.push_back(kept);
    }
    return true;
  }

  // No series of its name comes from anywhere else: pgvigil itself, or a family of another name whose histogram has it.
  bool IsFree(const Definition& definition, const metrics::Column& column) {
    const std::string& family = column.family;
    if (family == "pg_up" || family.starts_with("pgvigil_") || family.starts_with("process_")) {
      diagnostics_.Error(definition.place, definition.id, family + " is a name of the exporter's own: choose another");
      return false;
    }
    const auto taken = samples_.find(column.sample);
    if (taken == samples_.end() || taken->second == family) return true;
    diagnostics_.Error(definition.place, definition.id,
                       column.sample + " of " + family + " is a series of " + taken->second + " as well: rename one");
    return false;
  }

  const Options& options_;
  base::Diagnostics& diagnostics_;
  std::vector<DefinitionPtr> definitions_;
  bool all_files_read_ = true;
  std::map<std::string, base::Place> ids_;
  std::set<std::string> keys_;                                  // of one file set, without and with its prefix
  std::map<std::string, std::string> samples_;                  // the family that each sample's name belongs to
  std::map<std::string, std::vector<DefinitionPtr>> families_;  // who yields which
};

}  // namespace

std::shared_ptr<const Catalog> Catalog::Load(const Options& options, base::Diagnostics& diagnostics) {
  auto catalog = std::make_shared<Catalog>();
  Loader loader(options, diagnostics);
  catalog->definitions_ = loader.Load();
  catalog->all_files_read_ = loader.all_files_read();
  return catalog;
}

}  // namespace pgvigil::query
