// What is remembered of one query on one database between runs: its last good result, when it is due again, how often
// it failed. The event loop's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "metrics/block.h"
#include "query/definition.h"
#include "query/rows_to_block.h"

namespace pgvigil::scrape {

// One query on one database as a page shows it. Immutable part of a RunResult.
struct QuerySample {
  query::DefinitionPtr definition;
  std::string database;                               // the label `database`; empty for scope server
  std::shared_ptr<const metrics::Block> block;        // null: nothing to serve
  bool success = false;                               // of the last execution
  base::SteadyTime::duration duration{};              // likewise
  std::uint64_t rows = 0;                             // likewise
  std::optional<base::SteadyTime> read;               // when `block` was read
  std::map<base::ErrorKind, std::uint64_t> failures;  // since start
};

class QueryState {
 public:
  // A reload may have changed the definition: what an older one yielded is not served under a new one that would yield
  // other series.
  void Adopt(const query::DefinitionPtr& definition);

  // Whether to send it now: its period is over (nine tenths of it, so that a period equal to the scrape interval is met
  // by every scrape) and it is not backing off after repeated timeouts.
  bool Due(base::SteadyTime now) const;

  // `blamed`: it was this query that ran when the time was up, not one in the queue behind it.
  void Record(const query::QueryResult& result, base::SteadyTime now, bool blamed);

  // True once it has been executed, well or badly.
  bool executed() const { return executed_; }
  // Timeouts in a row, and until when it is left out because of them.
  int timeouts() const { return timeouts_; }
  base::SteadyTime not_before() const { return not_before_; }

  QuerySample Sample(std::string database) const;

 private:
  void RecordFailure(const base::Error& error, base::SteadyTime now, bool blamed);

  query::DefinitionPtr definition_;
  std::shared_ptr<const metrics::Block> block_;
  std::optional<base::SteadyTime> read_;
  bool executed_ = false;
  bool success_ = false;
  base::SteadyTime::duration duration_{};
  std::uint64_t rows_ = 0;
  std::map<base::ErrorKind, std::uint64_t> failures_;
  int timeouts_ = 0;
  base::SteadyTime not_before_{};
};

}  // namespace pgvigil::scrape
