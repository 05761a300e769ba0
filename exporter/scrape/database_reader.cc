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

postgres::Execution Plain(std::string sql, std::shared_ptr<postgres::ResultSink> sink) {
  std::string name = "pgv_" + base::ContentHash(sql);
  return {std::move(name), std::move(sql), {}, std::nullopt, std::move(sink)};
}

bool Satisfied(const query::Definition& definition, const std::map<std::string, bool>& predicates) {
  return std::all_of(definition.when.begin(), definition.when.end(), [&](const std::string& sql) {
    const auto found = predicates.find(sql);
    return found != predicates.end() && found->second;
  });
}

}  // namespace

// What is in the air: the sinks of one batch.
struct DatabaseReader::Flight {
  std::shared_ptr<FirstColumnSink> role = std::make_shared<FirstColumnSink>();
  std::shared_ptr<FirstColumnSink> databases;
  std::map<std::string, std::shared_ptr<FirstColumnSink>> predicates;
  std::vector<query::DefinitionPtr> applying;
  std::vector<Reading::Answer> answers;  // in the order sent
  std::vector<bool> answered;
};

DatabaseReader::DatabaseReader(postgres::Connector& connector, postgres::SessionOptions options)
    : connector_(connector), session_(connector, std::move(options)) {
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
  candidates_ = request_->candidates(database());
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
    candidates_ = request_->candidates(database());
    Send();
  });
}

void DatabaseReader::Send() {
  ++flights_;
  const auto flight = std::make_shared<Flight>();
  std::vector<postgres::Segment> segments;
  segments.push_back({Plain(kRoleSql, flight->role)});
  if (request_->list_databases) {
    flight->databases = std::make_shared<FirstColumnSink>();
    segments.push_back({Plain(kDatabasesSql, flight->databases)});
  }
  SelectInto(*flight, segments);
  std::vector<query::DefinitionPtr> due;
  for (const auto& definition : flight->applying) {
    if (request_->due(definition, database())) due.push_back(definition);
  }
  AddQueries(flight, std::move(due), request_->deadline.Left(connector_.loop().clock().Steady()), segments);
  session_.Execute(std::move(segments), request_->deadline,
                   [this, flight](const base::Status& status) { OnDone(flight, status); });
}

// By what is known now; and asks every predicate anew, so that a change is noticed in the flight that rests on it.
void DatabaseReader::SelectInto(Flight& flight, std::vector<postgres::Segment>& segments) const {
  for (const auto& definition : candidates_) {
    if (!query::Applies(*definition, {greeting_->version, role_.value_or(cluster::Role::kPrimary)})) continue;
    for (const auto& sql : definition->when) {
      auto& sink = flight.predicates[sql];
      if (sink) continue;
      sink = std::make_shared<FirstColumnSink>();
      segments.push_back({Plain(sql, sink)});
    }
    if (role_ && Satisfied(*definition, predicates_)) flight.applying.push_back(definition);
  }
}

void DatabaseReader::AddQueries(const std::shared_ptr<Flight>& flight, std::vector<query::DefinitionPtr> selected,
                                base::SteadyTime::duration left, std::vector<postgres::Segment>& segments) {
  flight->answers.resize(selected.size());
  flight->answered.resize(selected.size());
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const auto& definition = flight->answers[i].definition = std::move(selected[i]);
    std::optional<base::Milliseconds> timeout;
    if (definition->timeout) timeout = std::min(*definition->timeout, std::chrono::ceil<base::Milliseconds>(left));
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

// Takes up what the flight says of the server. True if the selection would now be another one.
bool DatabaseReader::Learn(const Flight& flight) {
  bool changed = false;
  if (flight.role->ok() && !flight.role->values().empty()) {
    const auto role = flight.role->Holds() ? cluster::Role::kStandby : cluster::Role::kPrimary;
    changed = role_ != role;
    role_ = role;
  }
  for (const auto& [sql, sink] : flight.predicates) {
    if (!sink->ok()) continue;
    const auto known = predicates_.find(sql);
    changed = changed || known == predicates_.end() || known->second != sink->Holds();
    predicates_[sql] = sink->Holds();
  }
  return changed;
}

void DatabaseReader::OnDone(const std::shared_ptr<Flight>& flight, const base::Status& status) {
  const bool stale = !status.ok() && !flight->role->ok() && !fresh_;
  if (stale && status.error().kind != base::ErrorKind::kTimeout && status.error().kind != base::ErrorKind::kCancelled) {
    return Connect();  // the server ended an idle session, as after a restart: that is no failure of this reading
  }
  const bool changed = Learn(*flight);
  if (status.ok() && changed && flights_ < kMostFlights) return Send();
  Finish(flight, status);
}

void DatabaseReader::Finish(const std::shared_ptr<Flight>& flight, const base::Status& status) {
  Reading reading;
  if (!status.ok()) reading.error = status.error();
  if (flight) {
    reading.answered = flight->role->ok();
    if (!reading.error && !reading.answered) reading.error = flight->role->error();
    if (flight->databases && flight->databases->ok()) reading.databases = flight->databases->values();
    Collect(*flight, status, reading);
  }
  if (greeting_) {
    reading.server = query::ServerContext{greeting_->version, role_.value_or(cluster::Role::kPrimary)};
    const bool cut_off = flight && !status.ok() && status.error().kind == base::ErrorKind::kTimeout;
    if (cut_off) reading.abandoned_backend = greeting_->backend_pid;
  }
  for (const auto& definition : candidates_) {
    const auto failed = std::find_if(definition->when.begin(), definition->when.end(), [&](const std::string& sql) {
      return flight && status.ok() && flight->predicates.contains(sql) && !flight->predicates.at(sql)->ok();
    });
    if (failed == definition->when.end()) continue;
    query::QueryResult result;
    result.error = flight->predicates.at(*failed)->error();
    reading.applying.push_back(definition);
    reading.answers.push_back({definition, std::move(result), false});
  }
  request_.reset();
  std::exchange(done_, nullptr)(std::move(reading));
}

// When the session was lost or out of time, the first query without an answer is the one that was running.
void DatabaseReader::Collect(Flight& flight, const base::Status& status, Reading& reading) {
  reading.applying = flight.applying;
  bool running = !status.ok();
  for (std::size_t i = 0; i < flight.answers.size(); ++i) {
    auto& answer = flight.answers[i];
    if (!flight.answered[i]) continue;  // the session went away without a word: nothing is known of it
    if (answer.result.error) answer.blamed = status.ok() || std::exchange(running, false);
    reading.answers.push_back(std::move(answer));
  }
}

}  // namespace pgvigil::scrape
