// The background rhythm: every instance watched over a held session of its own, facts published as they come.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/published.h"
#include "observe/cluster_observer.h"
#include "observe/options.h"
#include "observe/view.h"
#include "postgres/session.h"

namespace pgvigil::observe {

class Observer {
 public:
  // `requests` counts what object stores are asked. `journal` remembers failovers, and outlives the observer; null:
  // none are told.
  explicit Observer(postgres::Connector& connector, std::shared_ptr<objectstore::RequestCounts> requests = {},
                    failover::Journal* journal = nullptr);
  // Closes the sessions. Any thread but the loop's, while the loop still runs.
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // Any thread but the loop's. What did not change keeps its session; what was removed is gone when this returns.
  void Configure(std::shared_ptr<const Options> options);

  // Any thread. Every configured cluster is in it from the first Configure on, with what is known by then.
  FleetView Fleet() const;

  // What object stores were asked so far; null if nobody counts.
  std::shared_ptr<const objectstore::RequestCounts> requests() const { return requests_; }

  // Waits until each instance has answered or failed once, at most until the deadline: `pgvigil scrape` begins with it.
  // Any thread but the loop's.
  void AwaitFirstRound(base::Deadline deadline) const;

  // The loop's thread only. Null when it is not configured any more.
  InstanceObserver* Find(const cluster::ClusterName& cluster, const std::string& instance);

 private:
  std::shared_ptr<ArchiveExchange> Archive(const std::string& cluster, const ArchiveOptions& wanted,
                                           std::vector<std::unique_ptr<ArchiveObserver>>& before);

  postgres::Connector& connector_;
  const std::shared_ptr<objectstore::RequestCounts> requests_;
  failover::Journal* const journal_;
  std::vector<std::unique_ptr<ClusterObserver>> clusters_;  // the loop's thread only
  std::vector<std::unique_ptr<ArchiveObserver>> archives_;  // the thread only that configures

  using Views = std::vector<std::shared_ptr<const base::Published<ClusterView>>>;
  base::Published<Views> views_;  // of clusters_, for the other threads

  mutable std::mutex mutex_;  // with changed_ alone: a publication is announced
  mutable std::condition_variable changed_;
};

}  // namespace pgvigil::observe
