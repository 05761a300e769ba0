// When did the primary pass this LSN? The ring of what was sampled of a primary's flush position; it turns bytes behind
// into seconds behind, and stays right when nothing is written, when a standby is cut off, and after a promotion.
// Not thread-safe: owned by the observer.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/clock.h"
#include "wal/segment.h"

namespace pgvigil::cluster {

struct PositionSample {
  base::SteadyTime at;         // when the primary was read
  base::WallTime server_time;  // the primary's clock then
  std::uint32_t timeline = 0;
  wal::Lsn flushed;
  std::uint64_t next_xid = 0;
};

class PositionClock {
 public:
  // Kept at 1 s steps for 10 min, 10 s for 2 h, 60 s for 48 h, counted back from the newest sample. A sample that does
  // not move the LSN only extends the time for which the last position is known to have held.
  // A sample of a higher timeline than the newest one must be preceded by SwitchTo.
  void Add(const PositionSample& sample);

  // A new timeline began at `switch_lsn`: what the old one wrote beyond it is no part of the path any more.
  void SwitchTo(std::uint32_t timeline, wal::Lsn switch_lsn);

  // Where that timeline began, as far as it was told by SwitchTo.
  std::optional<wal::Lsn> SwitchLsn(std::uint32_t timeline) const;

  bool empty() const { return samples_.empty(); }
  const PositionSample& newest() const { return samples_.back(); }
  const PositionSample& oldest() const { return samples_.front(); }
  // The last time at which the newest position was still the current one.
  base::SteadyTime newest_seen() const { return newest_seen_; }

  // The latest moment at which the primary's flush LSN was <= `position`, linear between samples; `at` if the primary
  // had not passed it by then. Absent when `position` lies before the oldest sample or nothing was sampled.
  std::optional<base::SteadyTime> LastHeld(wal::Lsn position, base::SteadyTime at) const;

  // The flush LSN at `at`, linear between samples, the newest one after the last. Absent before the oldest sample.
  std::optional<wal::Lsn> FlushedAt(base::SteadyTime at) const;

  // The first sample after the primary passed `position` at which the next xid had risen above what it was when
  // `position` was current, or more than 64 KiB lay beyond it: from then on there is something to lose. Absent if there
  // is none. An idle primary writes a few hundred bytes for ever and loses no transaction.
  std::optional<base::SteadyTime> LossBegan(wal::Lsn position) const;

 private:
  void Rest(const PositionSample& sample);
  void Thin();

  std::deque<PositionSample> samples_;
  std::map<std::uint32_t, wal::Lsn> switches_;  // by the timeline that began
  base::SteadyTime newest_seen_;
};

}  // namespace pgvigil::cluster
