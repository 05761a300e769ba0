#include "scrape/instance_queries.h"

#include <algorithm>

namespace pgvigil::scrape {
namespace {

std::string_view LabelOf(const query::Definition& definition, const std::string& database) {
  return definition.scope == query::QueryScope::kDatabase ? std::string_view(database) : std::string_view();
}

}  // namespace

void InstanceQueries::Adopt(const query::Catalog& catalog) {
  std::map<std::string, query::DefinitionPtr, std::less<>> by_id;
  for (const auto& definition : catalog.definitions()) by_id.emplace(definition->id, definition);
  for (auto& [database, applying] : applying_) {
    std::erase_if(applying, [&](query::DefinitionPtr& definition) {
      const auto found = by_id.find(definition->id);
      if (found == by_id.end()) return true;
      definition = found->second;
      return false;
    });
  }
  std::erase_if(states_, [&](const auto& state) { return !by_id.contains(state.first.second); });
}

QueryState& InstanceQueries::State(const query::DefinitionPtr& definition, const std::string& database) {
  const KeyView key{LabelOf(*definition, database), definition->id};
  auto found = states_.find(key);
  if (found == states_.end()) found = states_.try_emplace(Key(key)).first;
  found->second.Adopt(definition);
  return found->second;
}

void InstanceQueries::SetApplying(const std::string& database, const std::vector<query::DefinitionPtr>& applying,
                                  const QuerySet& set) {
  auto& known = applying_[database];
  std::erase_if(known, [&](const auto& definition) { return set.Has(definition->id); });
  known.insert(known.end(), applying.begin(), applying.end());
}

std::vector<query::DefinitionPtr> InstanceQueries::Applying(const std::string& database, const QuerySet& set) const {
  std::vector<query::DefinitionPtr> applying;
  if (const auto known = applying_.find(database); known != applying_.end()) applying = known->second;
  std::erase_if(applying, [&](const auto& definition) { return !set.Has(definition->id); });
  return applying;
}

void InstanceQueries::Retain(const std::set<std::string>& databases) {
  std::erase_if(applying_, [&](const auto& known) { return !databases.contains(known.first); });
  std::erase_if(states_, [&](const auto& state) {
    const auto& label = state.first.first;
    return !label.empty() && !databases.contains(label);
  });
}

std::vector<QuerySample> InstanceQueries::Samples(const QuerySet& set,
                                                  const std::optional<query::ServerContext>& server,
                                                  const std::set<std::string>& silent) {
  std::vector<QuerySample> samples;
  for (const auto& [database, applying] : applying_) {
    for (const auto& definition : applying) {
      if (!set.Has(definition->id) || (server && !query::Applies(*definition, *server))) continue;
      auto& sample =
          samples.emplace_back(State(definition, database).Sample(std::string(LabelOf(*definition, database))));
      if (server && !silent.contains(database)) continue;
      sample.success = false;
      if (definition->on_error != query::OnError::kKeep) sample.block.reset();
    }
  }
  return samples;
}

}  // namespace pgvigil::scrape
