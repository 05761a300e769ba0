// A connection for commands that run once and may block: a query is tried out and leaves nothing behind. Through
// libpqxx. Not thread-safe, and never on the event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/session.h"

namespace pgvigil::postgres {

struct CheckedQuery {
  std::vector<std::string> columns;
  std::uint64_t rows = 0;
  base::SteadyTime::duration duration{};
  std::optional<double> plan_cost;  // the planner's total, in its units; what is not planned (SHOW) has none
};

class CheckConnection {
 public:
  static base::Result<std::unique_ptr<CheckConnection>> Open(const Dsn& dsn, const Credentials& credentials);
  ~CheckConnection();
  CheckConnection(const CheckConnection&) = delete;
  CheckConnection& operator=(const CheckConnection&) = delete;

  int version() const;  // server_version_num
  bool in_recovery() const;
  const std::string& database() const;

  // In a read-only transaction that is rolled back, with the session settings of the exporter. The result goes to
  // `sink`, as a session would give it.
  base::Result<CheckedQuery> Run(const std::string& sql, std::optional<base::Milliseconds> timeout, ResultSink& sink);
  // A predicate's answer.
  base::Result<bool> Holds(const std::string& sql);

 private:
  struct Impl;
  explicit CheckConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::postgres
