// Watches one instance over one held session: connects, asks for facts at its interval, reconnects with backoff. A
// primary is asked for everything every 5 s and in between for its pulse, which the facts published then take in:
// walsenders, slots, archiver and synchronous replication are up to 5 s older than the rest. Everything happens on the
// event loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "base/backoff.h"
#include "base/logging.h"
#include "cluster/cluster_state.h"
#include "observe/options.h"
#include "postgres/facts.h"
#include "postgres/session.h"

namespace pgvigil::observe {

class InstanceObserver {
 public:
  // `changed` is called after every answer and every failure: the state is then new.
  InstanceObserver(postgres::Connector& connector, InstanceOptions options, std::function<void()> changed);
  ~InstanceObserver();
  InstanceObserver(const InstanceObserver&) = delete;
  InstanceObserver& operator=(const InstanceObserver&) = delete;

  void Start();
  const InstanceOptions& options() const { return options_; }
  const cluster::InstanceState& state() const { return state_; }
  // True once it has answered or failed: before that nothing is known, not even that it is down.
  bool tried() const { return state_.sql.up || state_.sql.error.has_value(); }

  // How often to ask from now on; a shorter interval takes effect at once.
  void SetInterval(base::SteadyTime::duration interval);

  // A backend whose session was closed in the middle of a batch. It counts against the connection limit until the
  // server does not show it any more.
  void Abandon(int backend_pid) { abandoned_.insert(backend_pid); }
  int abandoned() const { return static_cast<int>(abandoned_.size()); }

 private:
  void Connect();
  void Ask();
  bool PulseWillDo() const;
  postgres::Execution AskForPulse();
  postgres::Execution AskForEverything();
  void AskForAbandoned(std::vector<postgres::Segment>& segments);
  void OnAnswer(const base::Status& status);
  void TakeSettings();
  void OnFacts(const base::Result<cluster::InstanceFacts>& facts);
  void OnFailure(const base::Error& error);
  void RememberTheEnd(const base::Error& error);
  void ScheduleAt(base::SteadyTime when, void (InstanceObserver::*step)());

  postgres::Connector& connector_;
  const InstanceOptions options_;
  const std::function<void()> changed_;
  std::unique_ptr<postgres::Session> session_;
  cluster::InstanceState state_;
  base::SteadyTime::duration interval_ = std::chrono::seconds(1);
  base::SteadyTime asked_{};           // when the last question left
  base::SteadyTime all_asked_{};       // when the last question for everything did
  base::SteadyTime settings_asked_{};  // likewise for the settings; zero: never answered
  int backend_pid_ = 0;                // of the session; 0: none
  base::SteadyTime connected_{};       // when the session was opened
  base::Backoff backoff_;
  base::LogThrottle throttle_;
  postgres::TimerId timer_ = 0;
  std::shared_ptr<postgres::FactsSink> facts_sink_;  // of the question in flight: this
  std::shared_ptr<postgres::PulseSink> pulse_sink_;  // or that one
  std::shared_ptr<postgres::SettingsSink> settings_sink_;
  std::set<int> abandoned_;
};

}  // namespace pgvigil::observe
