// What is asked of one instance for a page, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "query/catalog.h"
#include "scrape/query_state.h"

namespace pgvigil::scrape {

// Which queries: ids, or all of the catalogue. Value type.
class QuerySet {
 public:
  static QuerySet All() { return QuerySet(); }
  static QuerySet Of(std::set<std::string> ids) { return QuerySet(std::move(ids)); }

  bool Has(const std::string& id) const { return !ids_ || ids_->contains(id); }
  bool Contains(const QuerySet& other) const;
  QuerySet Union(const QuerySet& other) const;
  // A text that is equal for equal sets.
  std::string Key() const;

 private:
  QuerySet() = default;
  explicit QuerySet(std::set<std::string> ids) : ids_(std::move(ids)) {}

  std::optional<std::set<std::string>> ids_;
};

// Immutable, shared by every page that is made of it.
struct RunResult {
  std::uint64_t id = 0;              // no two runs of a process have the same
  bool up = false;                   // the instance answered SQL in this run
  std::optional<base::Error> error;  // why not
  std::vector<QuerySample> queries;  // those that apply by the last known facts, in the order of the catalogue
  base::SteadyTime::duration duration{};
};

using RunDone = std::function<void(std::shared_ptr<const RunResult>)>;

}  // namespace pgvigil::scrape
