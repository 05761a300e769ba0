// Turns one query's result into a Block as rows arrive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "metrics/block.h"
#include "postgres/session.h"
#include "query/definition.h"

namespace pgvigil::query {

// What became of one execution.
struct QueryResult {
  std::shared_ptr<const metrics::Block> block = {};  // null on error
  std::optional<base::Error> error = {};
  base::SteadyTime::duration duration{};
  std::uint64_t rows = 0;
  std::size_t bad_values = 0;                        // text in a gauge, unmapped text, a histogram that is none
  std::size_t duplicates = 0;                        // rows whose labels were there already
  std::size_t over_limit = 0;                        // rows beyond max_series
  std::string first_bad = {};                        // `column "x": expected a number, found "abc"`, for the log
  std::vector<std::string> undeclared_columns = {};  // returned, not declared: warned of once
};

// NULL gives no sample, or the column's default; a NULL label is an empty one. A value that is no number is left out
// alone and counted. A declared column that is missing is an error of kind malformed.
// The loop's thread only. `done` is called once, from OnDone.
std::shared_ptr<postgres::ResultSink> MakeBlockSink(DefinitionPtr definition, std::function<void(QueryResult)> done);

}  // namespace pgvigil::query
