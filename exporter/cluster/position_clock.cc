#include "cluster/position_clock.h"

#include <algorithm>
#include <array>

namespace pgvigil::cluster {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Up to this age, samples are no closer together than `step`. Beyond the last age they are forgotten.
struct Resolution {
  base::SteadyTime::duration age;
  base::SteadyTime::duration step;
};
constexpr std::array kResolutions = {Resolution{minutes(10), seconds(1)}, Resolution{hours(2), seconds(10)},
                                     Resolution{hours(48), seconds(60)}};
constexpr int kThinEvery = 64;  // samples added: a pass over all of them then costs next to nothing for each
constexpr std::uint64_t kIdleBytes = 64 << 10;

base::SteadyTime::duration StepAt(base::SteadyTime::duration age) {
  for (const auto& resolution : kResolutions) {
    if (age <= resolution.age) return resolution.step;
  }
  return kResolutions.back().step;
}

// Where between two samples the primary passed `position`, if it wrote evenly.
base::SteadyTime Between(const PositionSample& before, const PositionSample& after, wal::Lsn position) {
  const auto bytes = static_cast<double>(after.flushed.bytes - before.flushed.bytes);
  const auto share = static_cast<double>(position.bytes - before.flushed.bytes) / bytes;
  return before.at + std::chrono::duration_cast<base::SteadyTime::duration>((after.at - before.at) * share);
}

}  // namespace

void PositionClock::Add(const PositionSample& sample) {
  newest_seen_ = sample.at;
  if (!samples_.empty() && sample.timeline < samples_.back().timeline) {
    samples_.clear();
    switches_.clear();
  }
  while (!samples_.empty() && samples_.back().flushed > sample.flushed) samples_.pop_back();
  if (!samples_.empty() && sample.flushed == samples_.back().flushed && sample.next_xid == samples_.back().next_xid) {
    Rest(sample);
    return;
  }
  samples_.push_back(sample);
  if (++added_since_thinned_ >= kThinEvery) Thin();
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

std::optional<wal::Lsn> PositionClock::PathLeft(std::uint32_t timeline) const {
  std::optional<wal::Lsn> lowest;
  for (auto later = switches_.upper_bound(timeline); later != switches_.end(); ++later) {
    if (!lowest || later->second < *lowest) lowest = later->second;
  }
  return lowest;
}

void PositionClock::SwitchTo(std::uint32_t timeline, wal::Lsn switch_lsn) {
  switches_[timeline] = switch_lsn;
  while (!samples_.empty() && samples_.back().flushed > switch_lsn) samples_.pop_back();
  if (samples_.empty()) return;
  auto at_switch = samples_.back();
  at_switch.timeline = timeline;
  at_switch.server_time += std::chrono::floor<base::WallTime::duration>(newest_seen_ - at_switch.at);
  at_switch.at = newest_seen_;
  at_switch.flushed = switch_lsn;
  if (at_switch.at > samples_.back().at) samples_.push_back(at_switch);
}

// Drops each sample whose neighbours stay within the step that holds at its age. One that ends a long rest has a far
// neighbour before it and stays, whatever its age.
void PositionClock::Thin() {
  added_since_thinned_ = 0;
  const auto now = samples_.back().at;
  std::size_t first = 0;  // the newest beyond the last age still says what held when that age began
  while (first + 1 < samples_.size() && now - samples_[first + 1].at > kResolutions.back().age) ++first;
  std::size_t kept = 0;
  for (std::size_t i = first; i < samples_.size(); ++i) {
    const bool at_an_end = i == first || i + 1 == samples_.size();
    if (at_an_end || samples_[i + 1].at - samples_[kept - 1].at > StepAt(now - samples_[i].at)) {
      samples_[kept++] = samples_[i];
    }
  }
  samples_.resize(kept);
}

std::optional<base::SteadyTime> PositionClock::LastHeld(wal::Lsn position, base::SteadyTime at) const {
  if (samples_.empty() || position < samples_.front().flushed) return std::nullopt;
  if (position >= samples_.back().flushed) return at;
  const auto after = std::upper_bound(samples_.begin(), samples_.end(), position,
                                      [](wal::Lsn lsn, const PositionSample& sample) { return lsn < sample.flushed; });
  return std::min(at, Between(*(after - 1), *after, position));
}

const PositionSample* PositionClock::LastWithin(wal::Lsn position) const {
  const auto after = std::upper_bound(samples_.begin(), samples_.end(), position,
                                      [](wal::Lsn lsn, const PositionSample& sample) { return lsn < sample.flushed; });
  return after == samples_.begin() ? nullptr : &*(after - 1);
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
  // An xid is given out before anything of its transaction is written, so that the first sight of the position counts
  // and not the last. Before the oldest sample nothing is known; its own xid is the nearest bound.
  auto current = passed;
  if (passed != samples_.begin()) {
    current = std::lower_bound(samples_.begin(), passed, (passed - 1)->flushed,
                               [](const PositionSample& sample, wal::Lsn lsn) { return sample.flushed < lsn; });
  }
  for (auto sample = passed; sample != samples_.end(); ++sample) {
    if (sample->next_xid > current->next_xid || sample->flushed.bytes - position.bytes > kIdleBytes) return sample->at;
  }
  return std::nullopt;
}

bool PositionClock::TransactionEnded(base::WallTime after, wal::Lsn position) const {
  const auto* last = LastWithin(position);
  if (last == nullptr || last == samples_.data()) return false;
  --last;
  const auto first = std::find_if(samples_.begin(), samples_.end(),
                                  [&](const PositionSample& sample) { return sample.server_time > after; });
  return first != samples_.end() && first->next_xid < last->next_xid && first->at < last->at;
}

}  // namespace pgvigil::cluster
