// The runs of one instance: at most one is in flight. A request joins it if its set is contained in the run's,
// otherwise it waits for one successor that reads the union of what is waited for. The event loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/logging.h"
#include "cluster/cluster_state.h"
#include "metrics/self.h"
#include "observe/observer.h"
#include "scrape/database_reader.h"
#include "scrape/database_visits.h"
#include "scrape/instance_queries.h"
#include "scrape/options.h"
#include "scrape/run.h"

namespace pgvigil::scrape {

class InstanceRuns {
 public:
  InstanceRuns(postgres::Connector& connector, observe::Observer& observer, cluster::ClusterName cluster,
               observe::InstanceOptions instance, metrics::Self& self);
  ~InstanceRuns();
  InstanceRuns(const InstanceRuns&) = delete;
  InstanceRuns& operator=(const InstanceRuns&) = delete;

  const cluster::ClusterName& cluster() const { return cluster_; }
  const observe::InstanceOptions& instance() const { return instance_; }

  // What runs that start from now on read and how; one in flight finishes with its own.
  void Configure(std::shared_ptr<const query::Catalog> catalog, const Options& options);

  // `done` is called once, when the run that covers `set` is over; by then the caller may long have left. Null: the
  // instance was removed, or the deadline of the run had passed before it could start.
  void Join(const QuerySet& set, base::Deadline deadline, RunDone done);

  // For a caller who leaves before its run is over: what is known by now, which is that the instance does not answer if
  // the run in flight has had no answer yet. Null where that cannot be said.
  std::shared_ptr<const RunResult> SoFar(const QuerySet& set);

 private:
  // A run, waiting or in flight.
  struct Run {
    QuerySet set;
    base::Deadline deadline;
    std::vector<RunDone> waiters = {};
    std::shared_ptr<const query::Catalog> catalog = {};
    base::SteadyTime started = {};
    bool reading_main = false;
    std::set<std::string> reading = {};  // other databases that are still being read
    bool answered = false;
    std::optional<base::Error> error = {};
  };

  void Start();
  void ReadMain();
  void ReadOthers(const std::vector<std::string>& databases);
  void ReadOther(const std::string& database);
  void OnMain(const Reading& reading);
  void OnReading(const std::string& database, const Reading& reading, const QuerySet& set);
  void OnSkipped(const std::string& database, const base::Error& error);
  void Record(const std::string& database, const Reading& reading);
  void Report(const query::Definition& definition, const query::QueryResult& result, const QueryState& state);
  // A throttled line about this instance.
  void Say(const std::string& key, std::string_view what, const base::Error& error, const std::string& database = "");
  void FinishIfDone();
  void Finish();
  std::shared_ptr<const RunResult> Result(const QuerySet& set, bool up, std::optional<base::Error> error);

  std::vector<query::DefinitionPtr> MainQueries(const std::string& database) const;
  static std::vector<query::DefinitionPtr> DatabaseQueries(const query::Catalog& catalog, const QuerySet& set,
                                                           const std::string& database);
  using Candidates = std::function<std::vector<query::DefinitionPtr>(const std::string& database)>;
  ReadingRequest Request(Candidates candidates, base::Deadline deadline);
  base::Error NoConnectionLeft() const;
  bool TooManyAbandoned() const;

  postgres::Connector& connector_;
  observe::Observer& observer_;
  const cluster::ClusterName cluster_;
  const observe::InstanceOptions instance_;
  metrics::Self& self_;
  base::LogThrottle throttle_;
  std::shared_ptr<const query::Catalog> catalog_;
  Options options_;
  bool sessions_outdated_ = false;  // held ones were made with other options

  std::optional<Run> current_;
  std::optional<Run> next_;
  postgres::TimerId refusal_timer_ = 0;  // ends a run that may not open a connection
  std::unique_ptr<DatabaseReader> main_;
  std::map<std::string, std::unique_ptr<DatabaseReader>> others_;  // held, by database
  std::optional<query::ServerContext> server_;                     // as the main reading saw it last
  InstanceQueries queries_;
  DatabaseVisits visits_;
};

}  // namespace pgvigil::scrape
