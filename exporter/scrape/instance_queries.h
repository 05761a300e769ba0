// What is remembered of every query of one instance between runs: by database, which apply by the last known facts, and
// the state of each. The event loop's thread only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalog.h"
#include "scrape/database_reader.h"
#include "scrape/query_state.h"
#include "scrape/run.h"

namespace pgvigil::scrape {

class InstanceQueries {
 public:
  // Takes a new catalogue: what it does not have any more is forgotten, equal queries go on with their state.
  void Adopt(const query::Catalog& catalog);

  // The query on that database; queries of scope server have one state wherever they were asked.
  QueryState& State(const query::DefinitionPtr& definition, const std::string& database);

  // Which of `set` apply there, as an answered reading says; of the others the older word stands.
  void SetApplying(const std::string& database, const std::vector<query::DefinitionPtr>& applying, const QuerySet& set);
  // Those of `set` that applied there last.
  std::vector<query::DefinitionPtr> Applying(const std::string& database, const QuerySet& set) const;

  // Databases that are gone take everything with them.
  void Retain(const std::set<std::string>& databases);

  // As a page shows them. `server`: what it is now; nothing: it does not answer, so that every query counts as failed
  // and only what may be kept beyond an error is served. `silent`: databases of which that is true in particular.
  std::vector<QuerySample> Samples(const QuerySet& set, const std::optional<query::ServerContext>& server,
                                   const std::set<std::string>& silent = {});

 private:
  // A state's place: the label `database`, which is empty for scope server, and the query's id.
  using Key = std::pair<std::string, std::string>;
  using KeyView = std::pair<std::string_view, std::string_view>;
  struct ByKey {  // looked up for every query of every scrape, which should not copy both texts
    using is_transparent = void;
    static KeyView View(const KeyView& key) { return key; }
    static KeyView View(const Key& key) { return {key.first, key.second}; }
    bool operator()(const auto& a, const auto& b) const { return View(a) < View(b); }
  };

  std::map<std::string, std::vector<query::DefinitionPtr>> applying_;  // by database
  std::map<Key, QueryState, ByKey> states_;
};

}  // namespace pgvigil::scrape
