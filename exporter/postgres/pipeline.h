// One flight of statements over an open connection: sends segments, each closed by a sync, and hands results out as
// they come. Knows which statements are prepared, and prepares anew what the server will not run from its plan any
// more. Source: PostgreSQL manual, libpq, "Pipeline Mode" and "Retrieving Query Results Row-by-Row".
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "postgres/session.h"

namespace pgvigil::postgres {

// The loop's thread only. Lives as long as its connection.
class Pipeline {
 public:
  Pipeline(PGconn* connection, const base::Clock& clock, std::string subject);

  // False, with why in the connection's error message, if libpq would not take it.
  bool Send(std::vector<Segment> segments);

  enum class Progress { kWaiting, kMore, kDone, kLost };
  // Takes what has arrived, as much as one step of the loop may: kMore asks for another call when others had their
  // turn. kDone when every segment is over; statements with a stale plan have then been sent again and are over, too.
  Progress Receive();
  // Why it was given up from here, where kLost is not the server's doing.
  const std::optional<base::Error>& failure() const { return failure_; }
  // What the server said in place of an answer as it ended the session.
  const std::optional<Farewell>& farewell() const { return farewell_; }
  bool idle() const { return expected_.empty(); }

  // Every sink that is not done yet gets this error.
  void Abort(const base::Error& error);

 private:
  enum class Step { kPrepare, kTimeout, kExecute, kDeallocate, kSync };
  struct Expected {
    Step step;
    std::size_t execution = 0;  // index into executions_
    std::string statement;      // key into prepared_, of what this step prepares or runs
  };
  struct Running {
    Execution execution;
    bool had_plan = false;  // prepared before: a refusal may be the plan's, not the statement's
    bool resent = false;
    bool described = false;  // OnColumns was called
    bool done = false;
    std::optional<base::Error> error;  // its own, or of what had to go before it
    std::uint64_t rows = 0;
  };
  struct Prepared {
    std::string name;                        // on the server; differs from the statement's after a new preparation
    std::optional<std::uint64_t> last_rows;  // of its last successful run
  };

  bool SendSegment(const std::vector<std::size_t>& executions);
  bool SendExecution(std::size_t index);
  bool Prepare(const std::string& statement, const std::string& sql, std::size_t index);
  bool Run(Step step, const std::string& statement, const std::vector<std::string>& parameters, std::size_t index);
  bool Resend();
  void Take(PGresult* result);
  void TakeError(const PGresult* result);
  void TakeRows(const PGresult* result);
  void TakeUnfit(ExecStatusType status);
  void EndOfQuery();
  void Finish(std::size_t index);
  void RowByRow();
  base::Error ErrorOf(const PGresult* result) const;

  PGconn* const connection_;
  const base::Clock& clock_;
  const std::string subject_;
  std::map<std::string, Prepared, std::less<>> prepared_;
  std::uint64_t renamed_ = 0;  // names given after a refused plan
  std::deque<Expected> expected_;
  std::vector<Running> executions_;
  std::vector<std::size_t> stale_;  // to be sent again
  std::optional<base::Error> failure_;
  std::optional<Farewell> farewell_;
  base::SteadyTime last_end_{};
};

}  // namespace pgvigil::postgres
