#include "observe/instance_observer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"

namespace pgvigil::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAnswerWithin = seconds(2);   // an observation that takes longer is a failed one
constexpr auto kConnectWithin = seconds(5);  // all addresses, handshake and queueing for it included
constexpr auto kEverythingEvery = seconds(5);
constexpr auto kSettingsEvery = seconds(60);
constexpr auto kFirstRetry = milliseconds(250);
constexpr auto kLongestRetry = seconds(5);
constexpr auto kRefusedLoginRetry = seconds(30);  // a wrong password is not worth a login every few seconds
constexpr auto kStableAfter = seconds(10);        // a session that lived so long was worth its login
constexpr auto kLogEvery = seconds(300);

// Which of the abandoned backends are still there.
class BackendsSink final : public postgres::ResultSink {
 public:
  explicit BackendsSink(std::function<void(std::set<int>)> done) : done_(std::move(done)) {}
  void OnColumns(std::span<const postgres::ResultColumn>) override {}
  void OnRows(const postgres::Rows& rows) override {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto pid = base::ParseInteger<std::int32_t>(rows.text(row, 0).value_or(""));
      if (pid) there_.insert(*pid);
    }
  }
  void OnDone(const postgres::Outcome& outcome) override {
    if (!outcome.error) done_(std::move(there_));
  }

 private:
  std::function<void(std::set<int>)> done_;
  std::set<int> there_;
};

constexpr const char* kBackendsSql =
    "SELECT a.pid FROM pg_catalog.pg_stat_get_activity(NULL) AS a "
    "WHERE a.pid = ANY ($1::int[]) AND a.application_name = pg_catalog.current_setting('application_name')";

std::string IntArray(const std::set<int>& values) {
  std::string text = "{";
  for (const int value : values) text += (text.size() > 1 ? "," : "") + std::to_string(value);
  return text + "}";
}

// Its statements take a moment and wait for nothing but a lock, which lock_timeout sees to: the timers that the server
// would set and clear around each would cost as much as what they watch.
postgres::SessionOptions ObserverSession(const InstanceOptions& options) {
  postgres::SessionOptions session;
  session.dsn = options.dsn;
  session.credentials = options.credentials;
  session.statement_timeout = session.connection_check = milliseconds(0);
  session.urgent = true;
  return session;
}

}  // namespace

InstanceObserver::InstanceObserver(postgres::Connector& connector, InstanceOptions options,
                                   std::function<void()> changed)
    : connector_(connector),
      options_(std::move(options)),
      changed_(std::move(changed)),
      session_(std::make_unique<postgres::Session>(connector, ObserverSession(options_))),
      backoff_(kFirstRetry, kLongestRetry, static_cast<std::uint32_t>(std::hash<std::string>()(options_.name))),
      throttle_(kLogEvery) {
  state_.name = options_.name;
  session_->OnLost([this](const base::Error& error) { OnFailure(error); });
}

InstanceObserver::~InstanceObserver() { connector_.loop().Cancel(timer_); }

void InstanceObserver::Start() { Connect(); }

void InstanceObserver::SetInterval(base::SteadyTime::duration interval) {
  if (interval == interval_) return;
  const bool sooner = interval < interval_;
  interval_ = interval;
  if (sooner && session_->ready() && !session_->busy()) ScheduleAt(asked_ + interval_, &InstanceObserver::Ask);
}

void InstanceObserver::ScheduleAt(base::SteadyTime when, void (InstanceObserver::*step)()) {
  connector_.loop().Cancel(timer_);
  timer_ = connector_.loop().At(when, [this, step] { (this->*step)(); });
}

void InstanceObserver::Connect() {
  const auto deadline = base::Deadline::After(connector_.loop().clock().Steady(), kConnectWithin);
  session_->Connect(deadline, [this](const base::Result<postgres::ServerGreeting>& greeting) {
    if (!greeting.ok()) return OnFailure(greeting.error());
    backend_pid_ = greeting->backend_pid;
    connected_ = connector_.loop().clock().Steady();
    Ask();
  });
}

void InstanceObserver::Ask() {
  const auto now = connector_.loop().clock().Steady();
  asked_ = now;
  std::vector<postgres::Segment> segments;
  segments.push_back({PulseWillDo() ? AskForPulse() : AskForEverything()});
  settings_sink_.reset();
  if (!state_.settings || now - settings_asked_ >= kSettingsEvery) {
    settings_asked_ = now;
    settings_sink_ = std::make_shared<postgres::SettingsSink>();
    segments.push_back({postgres::SettingsExecution(session_->greeting()->version, settings_sink_)});
  }
  if (!abandoned_.empty()) AskForAbandoned(segments);
  session_->Execute(std::move(segments), base::Deadline::After(now, kAnswerWithin),
                    [this](const base::Status& status) { OnAnswer(status); });
}

// Of a primary over the session that has brought everything. What judgement needs of a standby is in no pulse.
bool InstanceObserver::PulseWillDo() const {
  return state_.sql.up && state_.facts->role == cluster::Role::kPrimary && all_asked_ >= connected_ &&
         asked_ - all_asked_ < kEverythingEvery;
}

postgres::Execution InstanceObserver::AskForPulse() {
  facts_sink_.reset();
  pulse_sink_ = std::make_shared<postgres::PulseSink>(connector_.loop().clock(), state_.facts);
  return postgres::PulseExecution(pulse_sink_);
}

postgres::Execution InstanceObserver::AskForEverything() {
  const int version = session_->greeting()->version;
  const bool same_session = state_.facts && state_.facts->received >= connected_;
  postgres::KnownFacts known;
  if (same_session) known = {state_.facts->walsenders, state_.facts->system_identifier};
  all_asked_ = asked_;
  pulse_sink_.reset();
  facts_sink_ = std::make_shared<postgres::FactsSink>(version, connector_.loop().clock(), known);
  return postgres::FactsExecution(version, known, facts_sink_);
}

void InstanceObserver::AskForAbandoned(std::vector<postgres::Segment>& segments) {
  // Others may be abandoned before the answer is here: it speaks of those that were asked for.
  auto sink = std::make_shared<BackendsSink>([this, asked = abandoned_](const std::set<int>& there) {
    for (const int pid : asked) {
      if (!there.contains(pid)) abandoned_.erase(pid);
    }
  });
  segments.push_back({{"pgv_abandoned", kBackendsSql, {IntArray(abandoned_)}, std::nullopt, std::move(sink)}});
}

void InstanceObserver::OnAnswer(const base::Status& status) {
  if (!status.ok()) return OnFailure(status.error());
  TakeSettings();
  if (pulse_sink_ && !pulse_sink_->facts().ok()) {
    all_asked_ = {};  // not the server that it was, or it would not say
    return ScheduleAt(asked_, &InstanceObserver::Ask);
  }
  OnFacts(pulse_sink_ ? pulse_sink_->facts() : facts_sink_->facts());
  ScheduleAt(asked_ + interval_, &InstanceObserver::Ask);
  changed_();
}

void InstanceObserver::TakeSettings() {
  if (!settings_sink_) return;
  const auto& settings = settings_sink_->settings();
  if (settings.ok()) {
    state_.settings = std::make_shared<const cluster::InstanceSettings>(*settings);
  } else if (throttle_.Admit("settings", asked_)) {
    base::Log(base::LogLevel::kWarn, "settings cannot be read", settings.error(), {{"pg_instance", options_.name}});
  }
}

void InstanceObserver::OnFacts(const base::Result<cluster::InstanceFacts>& facts) {
  if (!facts.ok()) {
    state_.sql.up = false;
    state_.sql.error = facts.error();
    if (throttle_.Admit("facts", asked_)) {
      base::Log(base::LogLevel::kError, "facts cannot be read", facts.error(), {{"pg_instance", options_.name}});
    }
    return;
  }
  if (!state_.sql.up) {
    base::Log(base::LogLevel::kInfo, "instance answers",
              {{"pg_instance", options_.name},
               {"server", options_.dsn.host_port()},
               {"role", facts->role == cluster::Role::kPrimary ? "primary" : "standby"},
               {"version", facts->version}});
    throttle_.Forget("down");
    throttle_.Forget("facts");
  }
  if (state_.facts && state_.facts->postmaster_start != facts->postmaster_start) abandoned_.clear();
  if (facts->received - connected_ >= kStableAfter) backoff_.Reset();
  state_.facts = std::make_shared<const cluster::InstanceFacts>(*facts);
  state_.sql.up = true;
  state_.sql.error.reset();
  state_.sql.last_success = facts->observed;
  state_.sql.last_success_steady = facts->received;
  state_.sql.duration = facts->received - facts->sent;
}

// A session that ended, or an attempt in vain to have another one.
void InstanceObserver::RememberTheEnd(const base::Error& error) {
  constexpr std::string_view kCannotConnectNow = "57P03";
  if (backend_pid_ == 0) {
    if (!state_.ended) return;
    state_.ended->tried = true;
    state_.ended->starting |= error.code == kCannotConnectNow;
    return;
  }
  const auto& clock = connector_.loop().clock();
  state_.ended = cluster::SessionEnd{clock.Steady(), clock.Wall(), {}, false, false, false};
  if (const auto& said = session_->farewell()) {
    state_.ended->sqlstate = said->sqlstate;
    state_.ended->ordered = said->ordered();
  }
}

void InstanceObserver::OnFailure(const base::Error& error) {
  RememberTheEnd(error);
  session_->Close();
  const auto now = connector_.loop().clock().Steady();
  const bool timed_out = error.kind == base::ErrorKind::kTimeout;
  if (const int pid = std::exchange(backend_pid_, 0); pid != 0 && timed_out) Abandon(pid);
  if (timed_out && state_.sql.up && connector_.loop().lag() >= postgres::kLateLoop) {
    return ScheduleAt(now, &InstanceObserver::Connect);  // we were late ourselves: that is no evidence
  }
  state_.sql.up = false;
  state_.sql.error = error;
  if (const auto held_back = throttle_.Admit("down", now)) {
    base::Log(base::LogLevel::kError, "instance does not answer", error,
              {{"pg_instance", options_.name}, {"repeated", *held_back}});
  }
  auto wait = backoff_.Next();
  if (error.kind == base::ErrorKind::kAuth && backoff_.failures() > 3)
    wait = std::max<base::SteadyTime::duration>(wait, kRefusedLoginRetry);
  ScheduleAt(now + wait, &InstanceObserver::Connect);
  changed_();
}

}  // namespace pgvigil::observe
