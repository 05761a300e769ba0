#include "postgres/check_connection.h"

#include <pqxx/pqxx>

#include "base/text.h"
#include "postgres/connection.h"
#include "postgres/sqlstate.h"

namespace pgvigil::postgres {
namespace {

constexpr base::Milliseconds kStatementTimeout{30000};
constexpr base::Milliseconds kLockTimeout{2000};

// The first line, which is the server's message, without its severity.
std::string OneLine(std::string_view text) {
  constexpr std::string_view kSeverity = "ERROR:";
  auto line = base::Trim(text);
  if (line.starts_with(kSeverity)) line = base::Trim(line.substr(kSeverity.size()));
  return std::string(line.substr(0, line.find('\n')));
}

// What pqxx throws, as a value. Not everything it throws is a pqxx::failure.
template <typename Work>
auto Caught(const std::string& subject, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const pqxx::sql_error& problem) {
    return base::Error{KindOf(problem.sqlstate()), OneLine(problem.what()), subject, problem.sqlstate()};
  } catch (const std::exception& problem) {
    return base::Error{base::ErrorKind::kUnavailable, OneLine(problem.what()), subject, {}};
  }
}

// A conninfo value in quotes.
std::string Quoted(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// "(cost=0.00..12.50 rows=..." in EXPLAIN's first line.
double TotalCost(const std::string& plan) {
  const auto range = plan.find("cost=");
  const auto total = range == std::string::npos ? range : plan.find("..", range);
  if (total == std::string::npos) return 0;
  return base::ParseDouble(plan.substr(total + 2, plan.find(' ', total) - total - 2)).value_or(0);
}

// What the planner thinks of a statement. Behind the statement's own run, whose error is the one to tell; what EXPLAIN
// does not take, such as SHOW, has no cost.
std::optional<double> PlanCost(pqxx::dbtransaction& work, const std::string& sql) {
  try {
    pqxx::subtransaction savepoint(work);
    const auto plan = savepoint.exec("EXPLAIN " + sql);
    savepoint.commit();
    if (!plan.empty()) return TotalCost(plan[0][0].c_str());
  } catch (const pqxx::sql_error&) {  // the savepoint is rolled back
  }
  return std::nullopt;
}

class WholeResult final : public Rows {
 public:
  explicit WholeResult(const pqxx::result& result) : result_(result) {}

  std::size_t size() const override { return static_cast<std::size_t>(result_.size()); }
  std::optional<std::string_view> text(std::size_t row, std::size_t column) const override {
    const auto field = result_[static_cast<pqxx::result_size_type>(row)][static_cast<pqxx::row_size_type>(column)];
    if (field.is_null()) return std::nullopt;
    return std::string_view(field.c_str(), field.size());  // in the result, which outlives the field
  }

 private:
  const pqxx::result& result_;
};

}  // namespace

struct CheckConnection::Impl {
  std::unique_ptr<pqxx::connection> connection;
  std::string subject;
  int version = 0;
  bool in_recovery = false;
  std::string database;
};

CheckConnection::CheckConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CheckConnection::~CheckConnection() = default;
int CheckConnection::version() const { return impl_->version; }
bool CheckConnection::in_recovery() const { return impl_->in_recovery; }
const std::string& CheckConnection::database() const { return impl_->database; }

base::Result<std::unique_ptr<CheckConnection>> CheckConnection::Open(const Dsn& dsn, const Credentials& credentials) {
  const auto password = credentials.Password();
  if (!password.ok()) return password.error();
  SessionOptions options;
  options.dsn = dsn;
  options.statement_timeout = kStatementTimeout;
  options.lock_timeout = kLockTimeout;
  std::string conninfo;
  for (const auto& [key, value] : ConnectParameters(options, "", *password, false))
    conninfo += key + "=" + Quoted(value) + " ";
  return Caught(dsn.host_port(), [&]() -> base::Result<std::unique_ptr<CheckConnection>> {
    auto impl = std::make_unique<Impl>();
    impl->subject = dsn.host_port();
    impl->connection = std::make_unique<pqxx::connection>(conninfo);
    impl->version = impl->connection->server_version();
    pqxx::nontransaction work(*impl->connection);
    const auto where = work.exec("SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_database()");
    impl->in_recovery = std::string_view(where[0][0].c_str()) == "t";
    impl->database = where[0][1].c_str();
    work.commit();
    return std::unique_ptr<CheckConnection>(new CheckConnection(std::move(impl)));
  });
}

base::Result<CheckedQuery> CheckConnection::Run(const std::string& sql, std::optional<base::Milliseconds> timeout,
                                                ResultSink& sink) {
  auto checked = Caught(impl_->subject, [&]() -> base::Result<CheckedQuery> {
    pqxx::read_transaction work(*impl_->connection);  // without commit it is rolled back
    CheckedQuery query;
    if (timeout) work.exec("SET LOCAL statement_timeout = " + std::to_string(timeout->count()));
    const auto began = base::SystemClock().Steady();
    const auto result = work.exec(sql);
    query.duration = base::SystemClock().Steady() - began;
    query.rows = static_cast<std::uint64_t>(result.size());
    query.plan_cost = PlanCost(work, sql);
    std::vector<ResultColumn> columns;
    for (pqxx::row_size_type i = 0; i < result.columns(); ++i) {
      query.columns.emplace_back(result.column_name(i));
      columns.push_back({result.column_name(i), static_cast<std::uint32_t>(result.column_type(i))});
    }
    sink.OnColumns(columns);
    sink.OnRows(WholeResult(result));
    return query;
  });
  Outcome outcome;
  if (checked.ok()) {
    outcome.rows = checked->rows;
    outcome.duration = checked->duration;
  } else {
    outcome.error = checked.error();
  }
  sink.OnDone(outcome);
  return checked;
}

base::Result<bool> CheckConnection::Holds(const std::string& sql) {
  return Caught(impl_->subject, [&]() -> base::Result<bool> {
    pqxx::read_transaction work(*impl_->connection);
    const auto result = work.exec(sql);
    if (result.empty() || result[0][0].is_null()) return false;
    const std::string_view value = result[0][0].c_str();
    return value == "t" || base::ParseDouble(value).value_or(0) != 0;
  });
}

}  // namespace pgvigil::postgres
