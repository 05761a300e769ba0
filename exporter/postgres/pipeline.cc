#include "postgres/pipeline.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/text.h"
#include "postgres/connection.h"
#include "postgres/sqlstate.h"

namespace pgvigil::postgres {
namespace {

constexpr const char* kNoSuchStatement = "26000";
constexpr const char* kSetTimeoutName = "pgv_set_timeout";
constexpr const char* kSetTimeoutSql = "SELECT pg_catalog.set_config('statement_timeout', $1, true)";

// So many rows are taken at once, so that a hundred thousand of them are never held. From libpq 17 they come in chunks
// of that size. Before it rows can only come one by one, a PGresult each, or whole: a statement that returned fewer the
// last time gets the latter (docs/decisions/0001).
constexpr std::uint64_t kSmallResult = 1000;

// What one step of the loop takes, in rows and ends of statements: no server may hold the loop by sending fast.
constexpr std::uint64_t kMostAtOnce = 4096;

using ResultPtr = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// Holds what is written back until all of it is: libpq flushes with every sync, which would make a packet and a wake-up
// on both sides of each statement. Source: tcp(7), TCP_CORK. A Unix socket refuses the option, which does no harm.
class Corked {
 public:
  explicit Corked(int socket) : socket_(socket) { Set(1); }
  ~Corked() { Set(0); }
  Corked(const Corked&) = delete;
  Corked& operator=(const Corked&) = delete;

 private:
  void Set(int on) const { setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof on); }

  const int socket_;
};

class ResultRows final : public Rows {
 public:
  explicit ResultRows(const PGresult* result) : result_(result) {}
  std::size_t size() const override { return static_cast<std::size_t>(PQntuples(result_)); }
  std::optional<std::string_view> text(std::size_t row, std::size_t column) const override {
    const int r = static_cast<int>(row), c = static_cast<int>(column);
    if (PQgetisnull(result_, r, c) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(result_, r, c), static_cast<std::size_t>(PQgetlength(result_, r, c)));
  }

 private:
  const PGresult* result_;
};

bool IsRows(ExecStatusType status) {
#ifdef LIBPQ_HAS_CHUNK_MODE
  if (status == PGRES_TUPLES_CHUNK) return true;
#endif
  return status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
}

}  // namespace

Pipeline::Pipeline(PGconn* connection, const base::Clock& clock, std::string subject)
    : connection_(connection), clock_(clock), subject_(std::move(subject)) {}

bool Pipeline::Send(std::vector<Segment> segments) {
  const Corked corked(PQsocket(connection_));
  executions_.clear();
  stale_.clear();
  last_end_ = clock_.Steady();
  failure_.reset();
  // All are known before the first is sent: whatever happens then, each gets its OnDone.
  std::vector<std::vector<std::size_t>> indices;
  for (auto& segment : segments) {
    auto& own = indices.emplace_back();
    for (auto& execution : segment) {
      own.push_back(executions_.size());
      executions_.emplace_back().execution = std::move(execution);
    }
  }
  for (const auto& segment : indices) {
    if (!SendSegment(segment)) return false;
  }
  RowByRow();
  return true;
}

bool Pipeline::SendSegment(const std::vector<std::size_t>& executions) {
  for (const auto index : executions) {
    if (!SendExecution(index)) return false;
  }
  expected_.push_back({Step::kSync, 0, {}});
  return PQpipelineSync(connection_) == 1;
}

bool Pipeline::SendExecution(std::size_t index) {
  const auto& execution = executions_[index].execution;
  executions_[index].had_plan = prepared_.contains(execution.name);
  if (execution.timeout && !(Prepare(kSetTimeoutName, kSetTimeoutSql, index) &&
                             Run(Step::kTimeout, kSetTimeoutName, {std::to_string(execution.timeout->count())}, index)))
    return false;
  return Prepare(execution.name, execution.sql, index) &&
         Run(Step::kExecute, execution.name, execution.parameters, index);
}

// Unless it is prepared.
bool Pipeline::Prepare(const std::string& statement, const std::string& sql, std::size_t index) {
  if (prepared_.contains(statement)) return true;
  auto name = statement;
  if (renamed_ > 0) name += "_" + std::to_string(renamed_);  // the old name may still be taken
  if (PQsendPrepare(connection_, name.c_str(), sql.c_str(), 0, nullptr) != 1) return false;
  prepared_[statement] = {std::move(name), {}};
  expected_.push_back({Step::kPrepare, index, statement});
  return true;
}

bool Pipeline::Run(Step step, const std::string& statement, const std::vector<std::string>& parameters,
                   std::size_t index) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  const auto& name = prepared_.find(statement)->second.name;
  if (PQsendQueryPrepared(connection_, name.c_str(), static_cast<int>(values.size()), values.data(), nullptr, nullptr,
                          0) != 1)
    return false;
  expected_.push_back({step, index, statement});
  return true;
}

// Once more what was refused for its plan, under a new name; the old one is given up.
bool Pipeline::Resend() {
  const auto stale = std::exchange(stale_, {});
  ++renamed_;
  for (const auto index : stale) {
    const auto& name = executions_[index].execution.name;
    if (const auto known = prepared_.find(name); known != prepared_.end()) {
      const auto deallocate = "DEALLOCATE " + known->second.name;
      if (PQsendQueryParams(connection_, deallocate.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1)
        return false;
      expected_.push_back({Step::kDeallocate, index, name});
      expected_.push_back({Step::kSync, 0, {}});
      if (PQpipelineSync(connection_) != 1) return false;
      prepared_.erase(known);
    }
    executions_[index].error.reset();
    if (!SendSegment({index})) return false;
  }
  return true;
}

// Has to be said of the statement at the head of the queue, before its first result is asked for.
void Pipeline::RowByRow() {
  if (expected_.empty() || expected_.front().step != Step::kExecute) return;
#ifdef LIBPQ_HAS_CHUNK_MODE
  PQsetChunkedRowsMode(connection_, static_cast<int>(kSmallResult));
#else
  const auto known = prepared_.find(expected_.front().statement);
  const bool small = known != prepared_.end() && known->second.last_rows.value_or(kSmallResult) < kSmallResult;
  if (!small) PQsetSingleRowMode(connection_);
#endif
}

Pipeline::Progress Pipeline::Receive() {
  if (PQconsumeInput(connection_) != 1) return Progress::kLost;
  std::uint64_t taken = 0;
  while (!expected_.empty()) {
    if (taken >= kMostAtOnce) return Progress::kMore;
    if (PQisBusy(connection_) != 0) return Progress::kWaiting;
    const ResultPtr result(PQgetResult(connection_), &PQclear);
    if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) farewell_ = FarewellIn(result.get());
    if (PQstatus(connection_) == CONNECTION_BAD) return Progress::kLost;
    if (result) {
      taken += static_cast<std::uint64_t>(std::max(1, PQntuples(result.get())));
      Take(result.get());
      if (failure_) return Progress::kLost;
    } else if (expected_.front().step != Step::kSync) {
      ++taken;
      EndOfQuery();
    }
    if (expected_.empty() && !stale_.empty() && !Resend()) return Progress::kLost;
  }
  PQgetResult(connection_);  // null: libpq leaves the state of the last sync, in which it would not hear the server
                             // speak unasked
  return PQstatus(connection_) == CONNECTION_BAD ? Progress::kLost : Progress::kDone;
}

void Pipeline::Take(PGresult* result) {
  const auto status = PQresultStatus(result);
  if (status == PGRES_PIPELINE_SYNC) {
    if (expected_.front().step == Step::kSync) expected_.pop_front();
    RowByRow();
    return;
  }
  if (status == PGRES_FATAL_ERROR || status == PGRES_PIPELINE_ABORTED) return TakeError(result);
  if (IsRows(status)) {
    if (expected_.front().step == Step::kExecute) TakeRows(result);
    return;
  }
  if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) TakeUnfit(status);
}

// libpq would give the same result for ever: there is no way on but another session.
void Pipeline::TakeUnfit(ExecStatusType status) {
  const bool copy = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
  const std::string what = copy ? "COPY" : PQresStatus(status);
  failure_ = base::Error{
      base::ErrorKind::kUnavailable, "the session was closed: a statement in it led to " + what, subject_, {}};
  if (expected_.front().step != Step::kExecute) return;
  auto& running = executions_[expected_.front().execution];
  running.error = copy ? base::Error{base::ErrorKind::kUnsupported,
                                     "COPY cannot be run here: expected a statement that returns rows",
                                     subject_,
                                     {}}
                       : base::Error{base::ErrorKind::kMalformed, "unexpected answer " + what, subject_, {}};
  Finish(expected_.front().execution);
}

base::Error Pipeline::ErrorOf(const PGresult* result) const {
  const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (code == nullptr) {
    const auto text = base::Trim(PQresultErrorMessage(result));
    return {base::ErrorKind::kUnavailable, text.empty() ? "the connection was lost" : std::string(text), subject_, {}};
  }
  return {KindOf(code), message == nullptr ? "the server gave no message" : message, subject_, code};
}

void Pipeline::TakeError(const PGresult* result) {
  const auto& head = expected_.front();
  if (head.step == Step::kDeallocate) return;  // it was gone already
  // Not prepared, be it that this was refused or that something before it in its segment was.
  if (head.step == Step::kPrepare) prepared_.erase(head.statement);
  auto& running = executions_[head.execution];
  if (running.error) return;  // the first one counts
  if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) {
    running.error =
        base::Error{base::ErrorKind::kCancelled, "not run: a statement before it in its segment failed", subject_, {}};
    return;
  }
  running.error = ErrorOf(result);
  if (head.step == Step::kTimeout && running.error->code == kNoSuchStatement) {
    prepared_.erase(head.statement);
    running.had_plan = true;  // what went before it had
  }
}

void Pipeline::TakeRows(const PGresult* result) {
  auto& running = executions_[expected_.front().execution];
  auto& sink = *running.execution.sink;
  if (!running.described) {
    running.described = true;
    std::vector<ResultColumn> columns;
    for (int i = 0; i < PQnfields(result); ++i) columns.push_back({PQfname(result, i), PQftype(result, i)});
    sink.OnColumns(columns);
  }
  const ResultRows rows(result);
  if (rows.size() == 0) return;
  running.rows += rows.size();
  sink.OnRows(rows);
}

void Pipeline::EndOfQuery() {
  const auto head = expected_.front();
  expected_.pop_front();
  if (head.step == Step::kExecute) {
    Finish(head.execution);
  }
  RowByRow();
}

void Pipeline::Finish(std::size_t index) {
  auto& running = executions_[index];
  // The plan of a statement that ran before does not fit what was altered under it; or another session of a pooler's
  // took its name away.
  const bool plan_refused =
      running.error && (running.error->code == "0A000" || running.error->code == kNoSuchStatement);
  if (plan_refused && running.had_plan && !std::exchange(running.resent, true)) {
    stale_.push_back(index);
    return;
  }
  const auto now = clock_.Steady();
  const auto took = now - std::exchange(last_end_, now);
  running.done = true;
  if (const auto known = prepared_.find(running.execution.name); known != prepared_.end() && !running.error)
    known->second.last_rows = running.rows;
  const auto sink = std::move(running.execution.sink);
  sink->OnDone({running.error, running.rows, took});
}

void Pipeline::Abort(const base::Error& error) {
  expected_.clear();
  stale_.clear();
  const auto executions = std::exchange(executions_, {});
  for (const auto& running : executions) {
    if (!running.done) running.execution.sink->OnDone({error, running.rows, {}});
  }
}

}  // namespace pgvigil::postgres
