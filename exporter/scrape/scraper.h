// The rhythm of Prometheus: joins or starts a run on each instance asked for, waits for runs (never for servers), and
// makes the page of what came back and what is known.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/published.h"
#include "base/result.h"
#include "metrics/self.h"
#include "observe/observer.h"
#include "query/catalog.h"
#include "scrape/instance_runs.h"
#include "scrape/options.h"
#include "scrape/page_cache.h"

namespace pgvigil::scrape {

// What is scraped, as a part of Configuration that changes whole.
struct Plan {
  std::shared_ptr<const observe::Options> instances;
  std::shared_ptr<const query::Catalog> catalog;
  Options options;
};

// What a request wants. Each list empty: everything.
struct Filter {
  std::vector<std::string> clusters;  // "orders" or "shop/orders"
  std::vector<std::string> targets;   // instance names
  std::vector<std::string> collect;   // query ids
};

// A filter that was understood.
struct Selection {
  std::vector<std::size_t> clusters;                          // indices into Plan::instances->clusters
  std::map<std::size_t, std::vector<std::size_t>> instances;  // of those clusters, indices into their instances
  QuerySet set = QuerySet::All();
  std::string key;  // equal for equal selections
  std::shared_ptr<const Plan> plan;
};

class Scraper {
 public:
  Scraper(postgres::Connector& connector, observe::Observer& observer, metrics::Self& self);
  // Any thread but the loop's, while the loop still runs.
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // Any thread but the loop's. Runs in flight finish with what they began with; what was removed loses its series.
  void Configure(Plan plan);
  std::shared_ptr<const Plan> plan() const { return plan_.Get(); }

  // Any thread. A name that is not configured is an error of kind not_found that lists what is.
  base::Result<Selection> Select(const Filter& filter) const;

  // Any thread but the loop's. Returns by the deadline: an instance that has said nothing by then is down, one that is
  // being read shows what has come in, and one of which neither can be said is left out.
  std::shared_ptr<const std::string> Scrape(const Selection& selection, Encoding encoding, base::Deadline deadline);

  // Any thread: the exporter stops. Whoever waits, or begins to, leaves by then with what is known, whatever its
  // deadline.
  void LeaveBy(base::SteadyTime when);

 private:
  struct Waiting;
  using Key = std::pair<cluster::ClusterName, std::string>;

  std::shared_ptr<Waiting> BeginToWait(const Selection& selection, base::Deadline deadline);
  std::vector<std::shared_ptr<const RunResult>> AwaitRuns(const Selection& selection, base::Deadline deadline);
  void ForEach(const Selection& selection, const std::function<void(std::size_t, InstanceRuns*)>& ask);
  void SayDuplicates(const metrics::Page& page, base::SteadyTime now);

  postgres::Connector& connector_;
  observe::Observer& observer_;
  metrics::Self& self_;
  base::Published<Plan> plan_;
  PageCache pages_;
  std::mutex waiting_mutex_;
  std::set<std::shared_ptr<Waiting>> waiting_;
  base::SteadyTime leave_by_ = base::SteadyTime::max();
  base::LogThrottle throttle_{std::chrono::minutes(5)};
  std::map<Key, std::unique_ptr<InstanceRuns>> runs_;  // the loop's thread only
};

}  // namespace pgvigil::scrape
