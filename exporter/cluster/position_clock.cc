#include "cluster/position_clock.h"

#include <algorithm>
#include <array>

namespace pgvigil::cluster {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Younger than `age`: samples at least `step` apart. Older than the last age: forgotten.
struct Resolution {
  base::SteadyTime::duration age;
  base::SteadyTime::duration step;
};
constexpr std::array kResolutions = {Resolution{minutes(10), seconds(1)}, Resolution{hours(2), seconds(10)},
                                     Resolution{hours(48), seconds(60)}};
constexpr std::uint64_t kIdleBytes = 64 << 10;

// Where between two samples the primary passed `position`, if it wrote evenly.
base::SteadyTime Between(const PositionSample& before, const PositionSample& after, wal::Lsn position) {
  const auto bytes = static_cast<double>(after.flushed.bytes - before.flushed.bytes);
  const auto share = static_cast<double>(position.bytes - before.flushed.bytes) / bytes;
  return before.at + std::chrono::duration_cast<base::SteadyTime::duration>((after.at - before.at) * share);
}

}  // namespace

void PositionClock::Add(const PositionSample& sample) {
  newest_seen_ = sample.at;
  if (samples_.empty()) {
    samples_.push_back(sample);
    return;
  }
  if (sample.flushed < samples_.back().flushed) return;  // a flush position never goes back on one timeline
  if (sample.flushed == samples_.back().flushed && sample.next_xid == samples_.back().next_xid) {
    Rest(sample);
    return;
  }
  samples_.push_back(sample);
  Thin();
}

// The position did not move: two samples of it, its first and its last, say for how long it was the current one.
void PositionClock::Rest(const PositionSample& sample) {
  const auto size = samples_.size();
  const bool resting =
      size >= 2 && samples_[size - 2].flushed == sample.flushed && samples_[size - 2].next_xid == sample.next_xid;
  if (resting) {
    samples_.back() = sample;
  } else {
    samples_.push_back(sample);
  }
}

std::optional<wal::Lsn> PositionClock::SwitchLsn(std::uint32_t timeline) const {
  const auto found = switches_.find(timeline);
  if (found == switches_.end()) return std::nullopt;
  return found->second;
}

void PositionClock::SwitchTo(std::uint32_t timeline, wal::Lsn switch_lsn) {
  switches_[timeline] = switch_lsn;
  while (!samples_.empty() && samples_.back().flushed > switch_lsn) samples_.pop_back();
  if (samples_.empty()) return;
  auto at_switch = samples_.back();
  at_switch.timeline = timeline;
  at_switch.at = newest_seen_;
  at_switch.flushed = switch_lsn;
  if (at_switch.at > samples_.back().at) samples_.push_back(at_switch);
}

// Drops a sample when its neighbours are closer together than the step that holds at its age. One place a call: the
// newest boundary of each resolution, so that the cost of a call does not grow with the ring.
void PositionClock::Thin() {
  const auto now = samples_.back().at;
  while (samples_.size() > 1 && now - samples_[1].at > kResolutions.back().age) samples_.pop_front();
  for (std::size_t r = 0; r + 1 < kResolutions.size(); ++r) {
    const auto boundary = now - kResolutions[r].age;
    const auto step = kResolutions[r + 1].step;
    auto at = std::lower_bound(samples_.begin(), samples_.end(), boundary,
                               [](const PositionSample& sample, base::SteadyTime time) { return sample.at < time; });
    while (at - samples_.begin() >= 3 && (at - 1)->at - (at - 3)->at < step) {
      const auto index = at - samples_.begin() - 1;
      samples_.erase(at - 2);
      at = samples_.begin() + index;
    }
  }
}

std::optional<base::SteadyTime> PositionClock::LastHeld(wal::Lsn position, base::SteadyTime at) const {
  if (samples_.empty() || position < samples_.front().flushed) return std::nullopt;
  if (position >= samples_.back().flushed) return at;
  const auto after = std::upper_bound(samples_.begin(), samples_.end(), position,
                                      [](wal::Lsn lsn, const PositionSample& sample) { return lsn < sample.flushed; });
  return std::min(at, Between(*(after - 1), *after, position));
}

std::optional<wal::Lsn> PositionClock::FlushedAt(base::SteadyTime at) const {
  if (samples_.empty() || at < samples_.front().at) return std::nullopt;
  const auto after =
      std::upper_bound(samples_.begin(), samples_.end(), at,
                       [](base::SteadyTime time, const PositionSample& sample) { return time < sample.at; });
  const auto& before = *(after - 1);
  if (after == samples_.end()) return before.flushed;
  const double share = base::Seconds(at - before.at) / base::Seconds(after->at - before.at);
  const auto bytes = static_cast<double>(after->flushed.bytes - before.flushed.bytes) * share;
  return wal::Lsn{before.flushed.bytes + static_cast<std::uint64_t>(bytes)};
}

std::optional<base::SteadyTime> PositionClock::LossBegan(wal::Lsn position) const {
  const auto passed = std::upper_bound(samples_.begin(), samples_.end(), position,
                                       [](wal::Lsn lsn, const PositionSample& sample) { return lsn < sample.flushed; });
  if (passed == samples_.end()) return std::nullopt;
  // Before the oldest sample nothing is known of the xid that held; the oldest one's is the nearest bound.
  const std::uint64_t xid = passed == samples_.begin() ? passed->next_xid : (passed - 1)->next_xid;
  for (auto sample = passed; sample != samples_.end(); ++sample) {
    if (sample->next_xid > xid || sample->flushed.bytes - position.bytes > kIdleBytes) return sample->at;
  }
  return std::nullopt;
}

}  // namespace pgvigil::cluster
