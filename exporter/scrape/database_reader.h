// Reads queries from one database over one session: connects when it must, sends everything in one flight, and sends it
// once more when the facts that the selection rested on turn out to have changed. The event loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "cluster/instance_facts.h"
#include "postgres/session.h"
#include "query/definition.h"
#include "query/rows_to_block.h"

namespace pgvigil::scrape {

// What one reading of a database brought.
struct Reading {
  struct Answer {
    query::DefinitionPtr definition;
    query::QueryResult result;
    bool blamed = false;  // see QueryState::Record
  };

  std::optional<base::Error> error;  // the session: not reached, lost, out of time
  bool answered = false;             // the server answered SQL, whatever became of the queries
  std::optional<query::ServerContext> server;
  std::vector<query::DefinitionPtr> applying;                       // by role, version and predicates, sent or not
  std::vector<Answer> answers;                                      // of those that were sent
  std::optional<base::Result<std::vector<std::string>>> databases;  // if asked for and answered
  int abandoned_backend = 0;                                        // whose session was closed in the middle; 0: none
};

struct ReadingRequest {
  // Which queries may apply on the database of that name: asked once it is connected to.
  std::function<std::vector<query::DefinitionPtr>(const std::string& database)> candidates;
  // Of those that apply: whether it is sent now, and whether it stands behind the others, since it was too slow lately.
  std::function<bool(const query::DefinitionPtr& definition, const std::string& database)> due;
  std::function<bool(const query::DefinitionPtr& definition, const std::string& database)> slow;
  bool list_databases = false;
  base::Deadline deadline;
};

class DatabaseReader {
 public:
  DatabaseReader(postgres::Connector& connector, postgres::SessionOptions options);
  DatabaseReader(const DatabaseReader&) = delete;
  DatabaseReader& operator=(const DatabaseReader&) = delete;

  // One at a time. `done` is called later, never from inside.
  void Read(ReadingRequest request, std::function<void(Reading)> done);
  // A deadline later than the one of the request.
  void Extend(base::Deadline deadline);

  bool connected() const { return session_.ready(); }
  // It has a connection or is about to have one: what counts against the limit.
  bool holds_connection() const { return session_.ready() || session_.busy(); }
  // The database's name, once it was connected to.
  std::string database() const { return greeting_ ? greeting_->database : std::string(); }
  // The role it saw last; the observer's word before that.
  void SuggestRole(cluster::Role role);

 private:
  struct Flight;
  // What a predicate yielded last, and whether it failed last.
  struct Predicate {
    std::optional<bool> holds;
    bool failing = false;
  };

  void Connect();
  void Send();
  bool Due(const query::DefinitionPtr& definition) const { return request_->due(definition, database()); }
  void AddTimeout(std::vector<postgres::Segment>& segments);
  void AddPredicates(Flight& flight, std::vector<postgres::Segment>& segments) const;
  void AddQueries(const std::shared_ptr<Flight>& flight, std::vector<postgres::Segment>& segments) const;
  void OnDone(const std::shared_ptr<Flight>& flight, const base::Status& status);
  bool Learn(const Flight& flight, const base::Status& status);
  bool Satisfied(const query::Definition& definition) const;
  void Finish(const std::shared_ptr<Flight>& flight, const base::Status& status);
  void CollectPredicates(const Flight& flight, const base::Status& status, Reading& reading) const;

  postgres::Connector& connector_;
  const base::Milliseconds initial_timeout_;  // statement_timeout of a new session
  postgres::Session session_;
  std::optional<postgres::ServerGreeting> greeting_;  // of the newest connection, kept beyond its end
  std::optional<cluster::Role> role_;
  std::map<std::string, Predicate> predicates_;  // by SQL
  base::Milliseconds default_timeout_{};         // statement_timeout of the session as it stands
  std::optional<ReadingRequest> request_;
  std::vector<query::DefinitionPtr> candidates_;  // of the current request, by role and version
  std::function<void(Reading)> done_;
  int flights_ = 0;     // of the current request
  bool fresh_ = false;  // connected for the current request: a loss is not a stale connection's
};

}  // namespace pgvigil::scrape
