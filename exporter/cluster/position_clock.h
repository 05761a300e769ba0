// When did the primary pass this LSN? The ring of what was sampled of a primary's flush position; it turns bytes behind
// into seconds behind, and stays right when nothing is written, when a standby is cut off, and after a promotion.
// Not thread-safe: owned by the observer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

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
  // Kept at 1 s steps for 10 min, 10 s for 2 h, 60 s for 48 h, counted back from the newest sample: about 4,000 samples
  // of 40 bytes. A sample that does not move the LSN only extends the time for which the last position is known to have
  // held. Samples come in the order of their times.
  // A position before the newest one means that the server was set back (a restored snapshot): what was sampled beyond
  // it is forgotten. So is everything when a lower timeline comes: whether to believe one is the caller's decision.
  void Add(const PositionSample& sample);

  // A new timeline began at `switch_lsn`: what the old one wrote beyond it is no part of the path any more. To be told
  // before the new timeline's first sample, where the switch is known.
  void SwitchTo(std::uint32_t timeline, wal::Lsn switch_lsn);

  // Where the path of the current timeline left `timeline`: the lowest switch to a later one that was told. Absent if
  // none was.
  std::optional<wal::Lsn> PathLeft(std::uint32_t timeline) const;
  // All that were told: where timelines began, by the timeline that began.
  const std::map<std::uint32_t, wal::Lsn>& switches() const { return switches_; }

  bool empty() const { return samples_.empty(); }
  std::size_t size() const { return samples_.size(); }
  const PositionSample& newest() const { return samples_.back(); }
  const PositionSample& oldest() const { return samples_.front(); }
  // When the primary was last read, moving or not.
  base::SteadyTime newest_seen() const { return newest_seen_; }

  // The latest moment at which the primary's flush LSN was <= `position`, linear between samples; `at` if the primary
  // had not passed it by then. Absent when `position` lies before the oldest sample or nothing was sampled.
  std::optional<base::SteadyTime> LastHeld(wal::Lsn position, base::SteadyTime at) const;

  // The last sample in which the primary had not passed `position`: a proof, where LastHeld is an estimate. Null when
  // `position` lies before the oldest sample or nothing was sampled. Valid until the next change.
  const PositionSample* LastWithin(wal::Lsn position) const;

  // The flush LSN at `at`, linear between samples, the newest one after the last. Absent before the oldest sample.
  std::optional<wal::Lsn> FlushedAt(base::SteadyTime at) const;

  // The first sample after the primary passed `position` at which the next xid had risen above what it was when
  // `position` was first seen to be current, or more than 64 KiB lay beyond it: from then on there is something to
  // lose. Absent if there is none. An idle primary writes a few hundred bytes for ever and loses no transaction.
  std::optional<base::SteadyTime> LossBegan(wal::Lsn position) const;

  // Whether a transaction is known to have ended behind `after` on the primary's clock, with its record before
  // `position`: its xid was seen as ended in a sample there, and another one followed, so that it was flushed, too.
  bool TransactionEnded(base::WallTime after, wal::Lsn position) const;

 private:
  void Rest(const PositionSample& sample);
  void Thin();

  std::vector<PositionSample> samples_;         // in the order of their times, and of their positions
  std::map<std::uint32_t, wal::Lsn> switches_;  // by the timeline that began
  base::SteadyTime newest_seen_;
  int added_since_thinned_ = 0;
};

}  // namespace pgvigil::cluster
