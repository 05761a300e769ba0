// One query of a query file: what is asked, where and when it applies, and what its columns become.
// Source: docs/queries.md, the native form and the dialects it takes in.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/diagnostics.h"
#include "cluster/instance_facts.h"
#include "metrics/block.h"

namespace pgvigil::query {

enum class Usage { kLabel, kGauge, kCounter, kDiscard, kMapped, kDuration, kHistogram };
enum class RoleCondition { kAny, kPrimary, kStandby };
enum class QueryScope { kServer, kDatabase };
enum class OnError { kDrop, kKeep };

// A range of majors, lower bound inclusive, upper exclusive; compared with server_version_num.
struct VersionRange {
  int from = 0;  // 130000
  int below = 1'000'000'000;

  bool Contains(int version) const { return version >= from && version < below; }
};

struct ColumnDefinition {
  std::string name;              // of the result column
  std::size_t block_column = 0;  // the first of its columns in the block; unused for labels and discarded ones
  Usage usage = Usage::kGauge;
  std::string metric_name;  // the family; empty for labels and discarded columns
  std::string label_name;   // for labels
  std::string description;
  std::map<std::string, double, std::less<>> mapping;  // kMapped: text -> value
  std::optional<double> default_value;                 // in place of NULL
  double scale = 1;
};

struct Definition {
  std::string id;  // the key in its file behind the files' prefix, unique; the label `query`
  std::string description;
  std::string sql;
  std::string statement;  // "pgv_<hash of sql>": equal SQL is one prepared statement
  std::vector<ColumnDefinition> columns;
  RoleCondition role = RoleCondition::kAny;
  std::vector<VersionRange> versions;  // any of them; empty: all
  QueryScope scope = QueryScope::kServer;
  std::vector<std::string> databases;  // globs, "!x*" excludes; for kDatabase
  std::vector<std::string> when;       // predicates: all must yield true
  base::Milliseconds every{0};         // 0: with every scrape
  std::optional<base::Milliseconds> timeout;
  std::size_t max_series = 2000;
  OnError on_error = OnError::kDrop;
  bool enabled = true;
  base::Place place;
  std::string content;  // a hash of what decides which series it yields: equal ones may serve each other's results

  // The columns of its blocks, in the order of `columns` less labels and discarded ones (a histogram gives three).
  metrics::Block::Columns block_columns;
};

using DefinitionPtr = std::shared_ptr<const Definition>;

// What selection looks at.
struct ServerContext {
  int version = 0;
  cluster::Role role = cluster::Role::kPrimary;
};

// By role and version alone; predicates and databases are asked of the server.
bool Applies(const Definition& definition, const ServerContext& server);
// By scope and globs: kServer queries match no database by name.
bool MatchesDatabase(const Definition& definition, std::string_view database);

}  // namespace pgvigil::query
