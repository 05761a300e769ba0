// One cluster's instances watched together: sets their intervals, keeps the position clock, judges after each change
// and publishes. Everything happens on the event loop's thread; what is published may be read from any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/published.h"
#include "cluster/position_clock.h"
#include "observe/archive_reports.h"
#include "observe/instance_observer.h"
#include "observe/view.h"

namespace pgvigil::observe {

class ClusterObserver {
 public:
  // `published` is called after each publication. `journal`: what is told of failovers; null: none are told.
  ClusterObserver(postgres::Connector& connector, failover::Journal* journal, std::function<void()> published);

  // Instances that did not change keep their session and what is known of them; so does the position clock.
  // `archives`: where each of the options' archives is told of, in their order.
  void Configure(ClusterOptions options, std::vector<std::shared_ptr<ArchiveExchange>> archives,
                 base::Milliseconds observe_primary, base::Milliseconds observe_standby);

  const cluster::ClusterName& name() const { return options_.name; }
  // Null when there is none of that name.
  InstanceObserver* Find(const std::string& instance);

  // Holds a value from the first Configure on, and outlives the observer if a reader keeps it.
  std::shared_ptr<const base::Published<ClusterView>> view() const { return view_; }

 private:
  void Update();
  void SetIntervals();
  void ReadCalendar();
  cluster::ClusterState State() const;
  void SayForeign(const cluster::ClusterState& state);
  void Hint(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict);
  void TellFailovers(const cluster::ClusterState& state, base::SteadyTime now, const verdict::Freshness& freshness);

  postgres::Connector& connector_;
  failover::Journal* const journal_;
  const std::function<void()> published_;
  ClusterOptions options_;
  base::Milliseconds observe_primary_{};
  base::Milliseconds observe_standby_{};
  std::optional<base::Milliseconds> usual_backup_age_;  // by the schedules
  std::optional<base::SteadyTime> calendar_read_;       // when that was worked out
  cluster::PositionClock clock_;
  std::vector<std::shared_ptr<ArchiveExchange>> archives_;
  ArchiveReports reports_;
  std::shared_ptr<base::Published<ClusterView>> view_ = std::make_shared<base::Published<ClusterView>>();
  base::LogThrottle throttle_{std::chrono::minutes(5)};
  std::vector<std::unique_ptr<InstanceObserver>> instances_;  // last: they go first, and may speak while they go
};

}  // namespace pgvigil::observe
