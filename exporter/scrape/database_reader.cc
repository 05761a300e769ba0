#include "scrape/database_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pgvigil::scrape {
namespace {

// A changed role or predicate sends the newly selected set once more; a server that changes faster than that is
// answered by the next scrape.
constexpr int kMostFlights = 3;  // one to learn what was never known, one to read, one to read again

constexpr const char* kRoleSql = "SELECT pg_catalog.pg_is_in_recovery()";
constexpr const char* kDatabasesSql =
    "SELECT datname FROM pg_catalog.pg_database "
    "WHERE datallowconn AND datconnlimit <> -2 AND pg_catalog.has_database_privilege(oid, 'CONNECT') ORDER BY datname";
constexpr const char* kTimeoutSql = "SELECT pg_catalog.set_config('statement_timeout', $1, false)";

// Of the time that is left a single statement may take so much: one that hangs leaves the rest to those behind it.
constexpr double kShareOfOne = 0.6;
constexpr base::Milliseconds kLeastTimeout{1};  // 0 would mean none

// Keeps the first column of every row, for the statements of our own.
class FirstColumnSink final : public postgres::ResultSink {
 public:
  void OnColumns(std::span<const postgres::ResultColumn>) override {}
  void OnRows(const postgres::Rows& rows) override {
    for (std::size_t row = 0; row < rows.size(); ++row) values_.emplace_back(rows.text(row, 0).value_or(""));
  }
  void OnDone(const postgres::Outcome& outcome) override {
    error_ = outcome.error;
    done_ = true;
  }

  bool ok() const { return done_ && !error_; }
  const std::optional<base::Error>& error() const { return error_; }
  const std::vector<std::string>& values() const { return values_; }
  // How a predicate is read: the first row's first column, 't' or a number other than 0; no row, NULL and false say no.
  bool Holds() const {
    if (!ok() || values_.empty()) return false;
    const auto& value = values_.front();
    return value == "t" || value == "true" || base::ParseDouble(value).value_or(0) != 0;
  }

 private:
  bool done_ = false;
  std::optional<base::Error> error_;
  std::vector<std::string> values_;
};

postgres::Execution Plain(std::string sql, std::shared_ptr<postgres::ResultSink> sink,
                          std::optional<base::Milliseconds> timeout = std::nullopt) {
  std::string name = "pgv_" + base::ContentHash(sql);
  return {std::move(name), std::move(sql), {}, timeout, std::move(sink)};
}

// Whether a statement was given the end of its session for an answer, and none of its own.
bool OfSession(const std::optional<base::Error>& error, const base::Status& status) {
  return error && !status.ok() && error->kind == status.error().kind && error->code == status.error().code &&
         error->message == status.error().message;
}

}  // namespace

// What is in the air: the sinks of one batch.
struct DatabaseReader::Flight {
  std::shared_ptr<FirstColumnSink> role = std::make_shared<FirstColumnSink>();
  std::shared_ptr<FirstColumnSink> databases;
  std::map<std::string, std::shared_ptr<FirstColumnSink>> predicates;
  std::vector<std::string> predicate_order;  // as sent
  std::vector<query::DefinitionPtr> applying;
  std::vector<Reading::Answer> answers;  // in the order sent
  std::vector<bool> answered;

  // Where the session's end found the server: nothing behind it was begun.
  bool ReachedPredicates(const base::Status& status) const {
    return !OfSession(role->error(), status) && !(databases && OfSession(databases->error(), status));
  }
  // The predicate that was running when the session ended; empty if none was.
  std::string HangingPredicate(const base::Status& status) const {
    if (!ReachedPredicates(status)) return {};
    for (const auto& sql : predicate_order) {
      if (OfSession(predicates.at(sql)->error(), status)) return sql;
    }
    return {};
  }
};

DatabaseReader::DatabaseReader(postgres::Connector& connector, postgres::SessionOptions options)
    : connector_(connector), initial_timeout_(options.statement_timeout), session_(connector, std::move(options)) {
  session_.OnLost([this](const base::Error&) { session_.Close(); });
}

void DatabaseReader::SuggestRole(cluster::Role role) {
  if (!role_) role_ = role;
}

void DatabaseReader::Read(ReadingRequest request, std::function<void(Reading)> done) {
  request_ = std::move(request);
  done_ = std::move(done);
  flights_ = 0;
  fresh_ = false;
  candidates_.clear();
  if (!session_.ready()) return Connect();
  Send();
}

void DatabaseReader::Extend(base::Deadline deadline) {
  if (!request_) return;
  request_->deadline = std::max(request_->deadline, deadline);
  session_.Extend(request_->deadline);
}

void DatabaseReader::Connect() {
  fresh_ = true;
  session_.Connect(request_->deadline, [this](const base::Result<postgres::ServerGreeting>& greeting) {
    if (!greeting.ok()) return Finish(nullptr, greeting.error());
    greeting_ = *greeting;
    default_timeout_ = initial_timeout_;
    Send();
  });
}

void DatabaseReader::Send() {
  ++flights_;
  candidates_ = request_->candidates(database());
  std::erase_if(candidates_, [this](const auto& definition) {
    return !query::Applies(*definition, {greeting_->version, role_.value_or(cluster::Role::kPrimary)});
  });
  const auto flight = std::make_shared<Flight>();
  std::vector<postgres::Segment> segments;
  AddTimeout(segments);
  segments.push_back({Plain(kRoleSql, flight->role)});
  if (request_->list_databases) {
    flight->databases = std::make_shared<FirstColumnSink>();
    segments.push_back({Plain(kDatabasesSql, flight->databases)});
  }
  AddPredicates(*flight, segments);
  AddQueries(flight, segments);
  session_.Execute(std::move(segments), request_->deadline,
                   [this, flight](const base::Status& status) { OnDone(flight, status); });
}

// Told to the server only when it differs by a tenth: scrapes have the same deadline again and again.
void DatabaseReader::AddTimeout(std::vector<postgres::Segment>& segments) {
  const auto left = request_->deadline.Left(connector_.loop().clock().Steady());
  const auto wanted = std::clamp(std::chrono::duration_cast<base::Milliseconds>(left * kShareOfOne), kLeastTimeout,
                                 std::max(initial_timeout_, kLeastTimeout));
  if (std::chrono::abs(wanted - default_timeout_) * 10 <= default_timeout_) return;
  default_timeout_ = wanted;
  auto sink = std::make_shared<FirstColumnSink>();
  segments.push_back({{"pgv_timeout", kTimeoutSql, {std::to_string(wanted.count())}, std::nullopt, std::move(sink)}});
}

// Every predicate is asked anew, so that a change is noticed in the flight that rests on it; but not on behalf of
// queries that are not sent anyway.
void DatabaseReader::AddPredicates(Flight& flight, std::vector<postgres::Segment>& segments) const {
  for (const auto& definition : candidates_) {
    if (definition->when.empty() || !Due(definition)) continue;
    for (const auto& sql : definition->when) {
      auto& sink = flight.predicates[sql];
      if (sink) continue;
      sink = std::make_shared<FirstColumnSink>();
      flight.predicate_order.push_back(sql);
      segments.push_back({Plain(sql, sink, definition->timeout)});
    }
  }
}

// By what is known now. Those that were too slow lately come last.
void DatabaseReader::AddQueries(const std::shared_ptr<Flight>& flight, std::vector<postgres::Segment>& segments) const {
  if (!role_) return;
  std::vector<query::DefinitionPtr> selected;
  for (const auto& definition : candidates_) {
    if (!Satisfied(*definition)) continue;
    flight->applying.push_back(definition);
    if (Due(definition)) selected.push_back(definition);
  }
  std::stable_partition(selected.begin(), selected.end(),
                        [this](const auto& definition) { return !request_->slow(definition, database()); });
  const auto left = request_->deadline.Left(connector_.loop().clock().Steady());
  flight->answers.resize(selected.size());
  flight->answered.resize(selected.size());
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const auto& definition = flight->answers[i].definition = std::move(selected[i]);
    std::optional<base::Milliseconds> timeout;
    if (definition->timeout)
      timeout = std::clamp(std::chrono::ceil<base::Milliseconds>(left), kLeastTimeout, *definition->timeout);
    // Weak: the flight must not be kept alive by sinks of its own.
    auto sink = query::MakeBlockSink(definition, [weak = std::weak_ptr(flight), i](query::QueryResult result) {
      if (const auto there = weak.lock()) {
        there->answers[i].result = std::move(result);
        there->answered[i] = true;
      }
    });
    segments.push_back({{definition->statement, definition->sql, {}, timeout, std::move(sink)}});
  }
}

bool DatabaseReader::Satisfied(const query::Definition& definition) const {
  return std::all_of(definition.when.begin(), definition.when.end(), [this](const std::string& sql) {
    const auto found = predicates_.find(sql);
    return found != predicates_.end() && found->second.holds.value_or(false) && !found->second.failing;
  });
}

// Takes up what the flight says of the server. True if the selection would now be another one.
bool DatabaseReader::Learn(const Flight& flight, const base::Status& status) {
  bool changed = false;
  if (flight.role->ok() && !flight.role->values().empty()) {
    const auto role = flight.role->Holds() ? cluster::Role::kStandby : cluster::Role::kPrimary;
    changed = role_ != role;
    role_ = role;
  }
  for (const auto& [sql, sink] : flight.predicates) {
    auto& known = predicates_[sql];
    if (OfSession(sink->error(), status) && sql != flight.HangingPredicate(status)) continue;
    if (!sink->ok()) {
      known.failing = true;
      continue;
    }
    changed = changed || known.failing || known.holds != sink->Holds();
    known = {sink->Holds(), false};
  }
  return changed;
}

void DatabaseReader::OnDone(const std::shared_ptr<Flight>& flight, const base::Status& status) {
  const bool stale = !status.ok() && !flight->role->ok() && !fresh_;
  if (stale && status.error().kind != base::ErrorKind::kTimeout && status.error().kind != base::ErrorKind::kCancelled) {
    return Connect();  // the server ended an idle session, as after a restart: that is no failure of this reading
  }
  const bool changed = Learn(*flight, status);
  if (status.ok() && changed && flights_ < kMostFlights) return Send();
  Finish(flight, status);
}

void DatabaseReader::Finish(const std::shared_ptr<Flight>& flight, const base::Status& status) {
  Reading reading;
  if (!status.ok()) reading.error = status.error();
  if (flight) {
    reading.answered = flight->role->ok();
    if (!reading.error && !reading.answered) reading.error = flight->role->error();
    if (flight->databases && !OfSession(flight->databases->error(), status)) {
      if (flight->databases->ok()) {
        reading.databases.emplace(flight->databases->values());
      } else if (flight->databases->error()) {
        reading.databases.emplace(*flight->databases->error());
      }
    }
    CollectPredicates(*flight, status, reading);
    // The session's end is blamed on the first query that was given it for an answer, if it stood there.
    bool running = flight->ReachedPredicates(status) && flight->HangingPredicate(status).empty();
    for (std::size_t i = 0; i < flight->answers.size(); ++i) {
      if (!flight->answered[i]) continue;  // the session went away without a word: nothing is known of it
      auto& answer = flight->answers[i];
      const auto& error = answer.result.error;
      answer.blamed = error && (!OfSession(error, status) || std::exchange(running, false));
      reading.answers.push_back(std::move(answer));
    }
  }
  if (greeting_) {
    reading.server = query::ServerContext{greeting_->version, role_.value_or(cluster::Role::kPrimary)};
    const bool cut_off = flight && !status.ok() && status.error().kind == base::ErrorKind::kTimeout;
    if (cut_off) reading.abandoned_backend = greeting_->backend_pid;
  }
  request_.reset();
  std::exchange(done_, nullptr)(std::move(reading));
}

// A query whose predicate fails counts as one that applies and failed: whether it applies cannot be said any more.
void DatabaseReader::CollectPredicates(const Flight& flight, const base::Status& status, Reading& reading) const {
  const auto hanging = flight.HangingPredicate(status);
  reading.applying = flight.applying;
  for (const auto& definition : candidates_) {
    const auto failing = std::find_if(definition->when.begin(), definition->when.end(), [this](const std::string& sql) {
      const auto known = predicates_.find(sql);
      return known != predicates_.end() && known->second.failing;
    });
    if (failing == definition->when.end()) continue;
    const bool sent = std::find(flight.applying.begin(), flight.applying.end(), definition) != flight.applying.end();
    if (!sent) reading.applying.push_back(definition);
    const auto asked = flight.predicates.find(*failing);
    if (sent || asked == flight.predicates.end() || !asked->second->error()) continue;
    const auto& error = *asked->second->error();
    reading.answers.push_back({definition, {.error = error}, !OfSession(error, status) || *failing == hanging});
  }
}

}  // namespace pgvigil::scrape
