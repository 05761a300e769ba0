// The runs of one instance: at most one is in flight. A request joins it if its set is contained in the run's,
// otherwise it waits for one successor that reads the union of what is waited for. The event loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/logging.h"
#include "cluster/cluster_state.h"
#include "metrics/self.h"
#include "observe/observer.h"
#include "scrape/database_reader.h"
#include "scrape/database_visits.h"
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

  // `done` is called once, when the run that covers `set` is over; by then the caller may long have left.
  void Join(const QuerySet& set, base::Deadline deadline, RunDone done);

 private:
  struct Applying {
    query::DefinitionPtr definition;
    std::string label;  // `database`; empty for scope server
  };

  // A run, waiting or in flight.
  struct Run {
    QuerySet set;
    base::Deadline deadline;
    std::vector<RunDone> waiters = {};
    std::shared_ptr<const query::Catalog> catalog = {};
    base::SteadyTime started = {};
    int readings_left = 0;  // databases still being read
    bool answered = false;
    std::optional<base::Error> error = {};
    std::vector<Applying> applying = {};
  };

  void Start();
  void ReadMain();
  void ReadOthers(const std::vector<std::string>& databases);
  void OnMain(const Reading& reading);
  void OnOther(const std::string& database, const Reading& reading);
  static std::string Label(const query::Definition& definition, const std::string& database);
  void Record(const std::string& database, const Reading& reading);
  void Report(const query::Definition& definition, const query::QueryResult& result, const QueryState& state);
  void Finish();
  std::shared_ptr<const RunResult> Result();

  std::vector<query::DefinitionPtr> MainQueries(const std::string& database) const;
  std::vector<query::DefinitionPtr> DatabaseQueries(const QuerySet& set, const std::string& database) const;
  QueryState& State(const query::DefinitionPtr& definition, const std::string& label);
  using Candidates = std::function<std::vector<query::DefinitionPtr>(const std::string& database)>;
  ReadingRequest Request(Candidates candidates, base::Deadline deadline);
  bool TooManyAbandoned() const;

  postgres::Connector& connector_;
  observe::Observer& observer_;
  const cluster::ClusterName cluster_;
  const observe::InstanceOptions instance_;
  metrics::Self& self_;
  base::LogThrottle throttle_;
  std::shared_ptr<const query::Catalog> catalog_;
  Options options_;

  std::optional<Run> current_;
  std::optional<Run> next_;
  postgres::TimerId refusal_timer_ = 0;  // ends a run that may not open a connection
  std::unique_ptr<DatabaseReader> main_;
  std::map<std::string, std::unique_ptr<DatabaseReader>> others_;  // held, by database
  std::vector<Applying> last_applying_;                            // of the newest run that was answered
  std::map<std::string, QueryState> states_;                       // by label and id
  DatabaseVisits visits_;
};

}  // namespace pgvigil::scrape
