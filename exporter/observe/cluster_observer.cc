#include "observe/cluster_observer.h"

#include <algorithm>
#include <map>

#include "failover/classifier.h"
#include "verdict/reference.h"

namespace pgvigil::observe {
namespace {

constexpr int kMissedBeforeStale = 3;
constexpr auto kCalendarReadAfter = std::chrono::hours(24);

// The identifier that most instances report; among equals the one of the instance that is configured first.
std::string SystemIdentifier(const std::vector<cluster::InstanceState>& instances) {
  std::map<std::string, int> votes;
  for (const auto& instance : instances) {
    if (instance.facts) ++votes[instance.facts->system_identifier];
  }
  std::string chosen;
  for (const auto& instance : instances) {
    if (!instance.facts) continue;
    const auto& candidate = instance.facts->system_identifier;
    if (chosen.empty() || votes[candidate] > votes[chosen]) chosen = candidate;
  }
  return chosen;
}

// Marks those that belong to another cluster: a wrong address in the configuration must not become part of a judgement.
void MarkForeign(std::vector<cluster::InstanceState>& instances) {
  const std::string expected = SystemIdentifier(instances);
  for (auto& instance : instances) {
    if (!instance.facts || instance.facts->system_identifier == expected) continue;
    instance.foreign = true;
    instance.sql.up = false;
    instance.sql.error =
        base::Error{base::ErrorKind::kMalformed,
                    "expected system identifier " + expected + " as on the cluster's other instances, found " +
                        instance.facts->system_identifier + ": it is a server of another cluster; check its DSN",
                    instance.name,
                    {}};
  }
}

}  // namespace

ClusterObserver::ClusterObserver(postgres::Connector& connector, failover::Journal* journal,
                                 std::function<void()> published)
    : connector_(connector), journal_(journal), published_(std::move(published)) {}

void ClusterObserver::Configure(ClusterOptions options, std::vector<std::shared_ptr<ArchiveExchange>> archives,
                                base::Milliseconds observe_primary, base::Milliseconds observe_standby) {
  options_ = std::move(options);
  archives_ = std::move(archives);
  calendar_read_.reset();
  observe_primary_ = observe_primary;
  observe_standby_ = observe_standby;
  auto before = std::move(instances_);
  instances_.clear();
  std::vector<InstanceObserver*> added;
  for (const auto& wanted : options_.instances) {
    const auto kept = std::find_if(before.begin(), before.end(),
                                   [&](const auto& old) { return old && SameServer(old->options(), wanted); });
    if (kept != before.end()) {
      instances_.push_back(std::move(*kept));
      continue;
    }
    instances_.push_back(std::make_unique<InstanceObserver>(connector_, wanted, [this] { Update(); }));
    added.push_back(instances_.back().get());
  }
  Update();
  for (auto* instance : added) instance->Start();
}

InstanceObserver* ClusterObserver::Find(const std::string& instance) {
  for (const auto& candidate : instances_) {
    if (candidate->options().name == instance) return candidate.get();
  }
  return nullptr;
}

void ClusterObserver::Update() {
  SetIntervals();
  ReadCalendar();
  auto state = State();
  SayForeign(state);
  const auto now = connector_.loop().clock().Steady();
  const verdict::Freshness freshness{kMissedBeforeStale * observe_primary_, kMissedBeforeStale * observe_standby_};
  verdict::Follow(state, now, freshness, clock_);
  const auto before = view_->Get();
  if (journal_ != nullptr) TellFailovers(state, now, freshness);
  ClusterView view{std::move(state), {}, {}, {}, {}};
  if (journal_ != nullptr) view.failovers = journal_->History(options_.name);
  view.verdict = verdict::Judge(view.state, clock_, now, freshness, before ? &before->verdict : nullptr);
  std::vector<std::shared_ptr<const verdict::ArchiveVerdict>> verdicts;
  for (const auto& archive : archives_) {
    view.archives.push_back(archive->reading.Get());
    view.state.archives.push_back(view.archives.back()->state);
    verdicts.push_back(view.archives.back()->verdict);
  }
  reports_.Take(view.state, view.verdict);
  view.site = verdict::JudgeSite(view.state, view.verdict, clock_, verdicts, reports_.reports(), now);
  verdict::CompleteLoss(view.state, view.site, view.verdict);
  Hint(view.state, view.verdict);
  view_->Set(std::move(view));
  published_();
}

void ClusterObserver::TellFailovers(const cluster::ClusterState& state, base::SteadyTime now,
                                    const verdict::Freshness& freshness) {
  std::optional<std::size_t> primary;
  if (const auto reference = verdict::FindReference(state, clock_, now, freshness))
    primary = static_cast<std::size_t>(reference->instance - state.instances.data());
  const auto wall = connector_.loop().clock().Wall();
  journal_->Take(options_.name, failover::Classify(journal_->Primary(options_.name), state, primary, clock_, wall));
}

void ClusterObserver::Hint(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict) {
  if (archives_.empty()) return;
  ServerHints hints;
  hints.path = {verdict.timeline, clock_.switches(), SystemIdentifier(state.instances)};
  if (!verdict.timeline && !clock_.empty()) hints.path.timeline = clock_.newest().timeline;
  if (!clock_.empty()) hints.sampled_from = clock_.oldest().flushed;
  for (const auto& instance : state.instances) {
    if (instance.foreign || !instance.settings) continue;
    const auto size = wal::SegmentSize::FromBytes(instance.settings->wal_segment_size);
    if (size.ok()) hints.segment_size = *size;
  }
  const auto shared = std::make_shared<const ServerHints>(std::move(hints));
  for (const auto& archive : archives_) archive->hints.Set(shared);
}

void ClusterObserver::SetIntervals() {
  const bool primary_answers = std::any_of(instances_.begin(), instances_.end(), [](const auto& instance) {
    const auto& state = instance->state();
    return state.sql.up && state.facts && state.facts->role == cluster::Role::kPrimary;
  });
  for (const auto& instance : instances_) {
    const auto& facts = instance->state().facts;
    const bool standby = facts && facts->role == cluster::Role::kStandby;
    instance->SetInterval(standby && (primary_answers || options_.replica) ? observe_standby_ : observe_primary_);
  }
}

// A period is that of the coming year, some hundred steps of the calendar: far from new with every second.
void ClusterObserver::ReadCalendar() {
  const auto now = connector_.loop().clock().Steady();
  if (calendar_read_ && now - *calendar_read_ < kCalendarReadAfter) return;
  calendar_read_ = now;
  usual_backup_age_.reset();
  if (const auto period = cluster::ShortestPeriod(options_.schedules, connector_.loop().clock().Wall()))
    usual_backup_age_ = 2 * *period;
}

cluster::ClusterState ClusterObserver::State() const {
  cluster::ClusterState state{options_.name, options_.replica, options_.objectives, {}, {}, options_.schedules};
  if (!state.objectives.backup_age) state.objectives.backup_age = usual_backup_age_;
  state.instances.reserve(instances_.size());
  for (const auto& instance : instances_) state.instances.push_back(instance->state());
  MarkForeign(state.instances);
  return state;
}

void ClusterObserver::SayForeign(const cluster::ClusterState& state) {
  for (const auto& instance : state.instances) {
    const std::string key = "foreign " + instance.name;
    if (!instance.foreign) {
      throttle_.Forget(key);
    } else if (const auto held_back = throttle_.Admit(key, connector_.loop().clock().Steady())) {
      base::Log(base::LogLevel::kError, "instance belongs to another cluster", *instance.sql.error,
                {{"pg_cluster", options_.name.name}, {"repeated", *held_back}});
    }
  }
}

}  // namespace pgvigil::observe
