#include "verdict/site.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <tuple>

#include "verdict/recovery_target.h"

namespace pgvigil::verdict {
namespace {

using cluster::ArchiveState;
using cluster::ClusterState;
using cluster::InstanceFacts;
using cluster::PositionClock;

constexpr auto kHold = std::chrono::minutes(5);
constexpr auto kListedWithin = std::chrono::seconds(60);
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// What the primary last said, and how long that may be used.
struct Source {
  const PositionClock& clock;
  const InstanceFacts* primary;     // null: none answers
  std::optional<wal::Lsn> flushed;  // absent: not known, or too long ago
  base::SteadyTime at;              // the moment that is judged: now, or when the primary was last heard
};

Source Listen(const ClusterState& state, const ClusterVerdict& cluster, const PositionClock& clock,
              base::SteadyTime now) {
  Source source{clock, nullptr, {}, now};
  if (cluster.primary) source.primary = state.instances[*cluster.primary].facts.get();
  if (clock.empty()) return source;
  if (now - clock.newest_seen() <= kHold) source.flushed = clock.newest().flushed;
  if (source.primary == nullptr) source.at = clock.newest_seen();
  return source;
}

// A reading that was judged before a promotion does not know that the path has left its timeline: what lies beyond is
// not the cluster's.
wal::Lsn OnPath(wal::Lsn end, const ArchiveVerdict& verdict, const PositionClock& clock) {
  const auto left = clock.PathLeft(verdict.timeline);
  return left ? std::min(end, *left) : end;
}

bool IsKnown(const ArchiveState& archive, base::SteadyTime now) {
  if (!archive.contents || !archive.store.last_success_steady) return false;
  const auto hold = std::max<base::SteadyTime::duration>(kHold, 3 * archive.terms.listing_interval);
  return now - *archive.store.last_success_steady <= hold;
}

// By the newest report that a listing can already decide on.
std::optional<bool> Effective(const ArchiveState& archive, const std::vector<ArchiveReport>& reports) {
  const auto& contents = *archive.contents;
  for (auto report = reports.rbegin(); report != reports.rend(); ++report) {
    const bool stored =
        contents.wal.stored.Contains(report->segment) || contents.wal.in_archive_tier.Contains(report->segment);
    if (stored && contents.began > report->seen) return true;
    if (!stored && contents.began >= report->seen + kListedWithin) return false;
  }
  return std::nullopt;
}

// The server's clock at a moment of ours, by the newest sample of it.
base::WallTime ServerTime(const PositionClock& clock, base::SteadyTime at) {
  const auto& newest = clock.newest();
  return newest.server_time + std::chrono::duration_cast<std::chrono::microseconds>(at - newest.at);
}

// The newest server time T for which every commit before T is in the archive: that of the last sample in which the
// primary had not passed `end`, or of the last one of all while no transaction was begun since. What was committed
// between two samples may lie on either side of `end`.
std::optional<base::WallTime> TimeOf(wal::Lsn end, const ArchiveState& archive, const Source& source) {
  const auto& clock = source.clock;
  if (const auto* within = clock.LastWithin(end)) {
    return clock.LossBegan(end) ? within->server_time : clock.newest().server_time;
  }
  const auto& last = archive.contents->last_commit;
  if (last && last->end <= end) return last->at;
  return std::nullopt;
}

// The archived WAL goes up to `end`.
bool CommitFollows(base::WallTime start, wal::Lsn end, const ArchiveState& archive, const Source& source) {
  const auto moment = StartMoment(start);
  const auto& last = archive.contents->last_commit;
  return (last && last->end <= end && last->at > moment) || source.clock.TransactionEnded(moment, end);
}

void JudgeWindows(const ArchiveState& archive, const ArchiveVerdict& verdict, const Source& source, ArchiveNow& now) {
  for (const auto& window : verdict.windows) {
    const auto end = OnPath(window.end, verdict, source.clock);
    const auto start = cluster::RestorableFrom(archive.contents->catalogue.backups[window.from]);
    now.window_ends.push_back(TimeOf(end, archive, source));
    now.commits_follow.push_back(start && CommitFollows(*start, end, archive, source));
  }
}

// Cheap where there are none: this is asked for every page.
std::vector<std::uint32_t> TimelinesAbove(std::uint32_t timeline, const wal::SegmentSet& stored,
                                          const ArchiveVerdict& verdict) {
  if (verdict.highest_timeline <= timeline) return {};
  auto timelines = stored.Timelines();
  std::erase_if(timelines, [&](std::uint32_t other) { return other <= timeline; });
  return timelines;
}

Conflicts FindConflicts(const ClusterState& state, const ArchiveState& archive, const ArchiveVerdict& verdict,
                        const Source& source) {
  Conflicts conflicts;
  const auto& contents = *archive.contents;
  for (const auto& instance : state.instances) {
    if (instance.foreign || !instance.facts) continue;
    for (const auto& identifier : contents.system_identifiers) {
      if (identifier != instance.facts->system_identifier) ++conflicts.strangers;
    }
    break;
  }
  conflicts.timeline = verdict.late_segments;
  if (source.primary == nullptr || !source.primary->timeline || !contents.wal.segment_size) return conflicts;
  const auto timeline = *source.primary->timeline;
  for (const auto higher : TimelinesAbove(timeline, contents.wal.stored, verdict)) {
    for (const auto& interval : contents.wal.stored.Intervals(higher)) conflicts.timeline += interval.size();
  }
  // A primary that was read before the listing ended may have written since what the listing found.
  if (!archive.store.last_success_steady || source.clock.newest_seen() < *archive.store.last_success_steady)
    return conflicts;
  const auto beyond = wal::SegmentAt(timeline, *source.flushed, *contents.wal.segment_size).number + 1;
  const auto last = contents.wal.stored.Last(timeline);
  if (!last || last->number < beyond) return conflicts;
  for (const auto& interval : contents.wal.stored.Intervals(timeline)) {
    if (interval.last >= beyond) conflicts.position += interval.last - std::max(interval.first, beyond) + 1;
  }
  return conflicts;
}

void JudgeBacklog(const ArchiveState& archive, const ArchiveVerdict& verdict, const Source& source, ArchiveNow& now) {
  if (!source.flushed || !verdict.run_end || !archive.contents->wal.segment_size) return;
  const auto size = archive.contents->wal.segment_size->bytes();
  const auto end = std::min(OnPath(*verdict.run_end, verdict, source.clock), *source.flushed);
  now.backlog_bytes = source.flushed->bytes - end.bytes;
  now.backlog_segments = source.flushed->bytes / size - end.bytes / size;
}

// Of an end that the primary had passed before it was first sampled: not since when exactly, but since when at least.
// The last commit in the archive says more than the oldest sample does.
double SecondsBefore(const ArchiveState& archive, wal::Lsn end, const Source& source) {
  const auto& last = archive.contents->last_commit;
  if (source.clock.oldest().flushed <= end || !last || last->end > end) return 0;
  return base::Seconds(ServerTime(source.clock, source.at) - last->at);
}

std::optional<Loss> LossOf(const ArchiveState& archive, const ArchiveVerdict& verdict, const Source& source) {
  const bool restorable = std::any_of(verdict.backups.begin(), verdict.backups.end(),
                                      [](const auto& backup) { return backup.state == BackupState::kRestorable; });
  if (!restorable) return Loss{kUnbounded, kUnbounded};
  if (!source.flushed || !verdict.proven_end) return std::nullopt;
  const auto end = OnPath(*verdict.proven_end, verdict, source.clock);
  Loss loss;
  loss.bytes = *source.flushed > end ? static_cast<double>(source.flushed->bytes - end.bytes) : 0;
  if (const auto began = source.clock.LossBegan(end)) {
    loss.seconds = std::max({0.0, base::Seconds(source.at - *began), SecondsBefore(archive, end, source)});
  }
  return loss;
}

ArchiveNow JudgeArchiveNow(const ClusterState& state, const ArchiveState& archive, const ArchiveVerdict* verdict,
                           const Source& source, const std::vector<ArchiveReport>& reports, base::SteadyTime now) {
  ArchiveNow result;
  result.known = verdict != nullptr && IsKnown(archive, now);
  if (!result.known) return result;
  if (!archive.contents->proves) return result;
  result.effective = Effective(archive, reports);
  JudgeBacklog(archive, *verdict, source, result);
  if (source.flushed) result.conflicts = FindConflicts(state, archive, *verdict, source);
  JudgeWindows(archive, *verdict, source, result);
  result.loss = LossOf(archive, *verdict, source);
  return result;
}

// Of the archives that may hold a backup of it. What one held that is not known now was started all the same.
LastStart LastStartOf(const cluster::Schedule& schedule, const ClusterState& state,
                      const std::vector<ArchiveNow>& archives) {
  LastStart last;
  for (std::size_t i = 0; i < archives.size(); ++i) {
    const auto& archive = state.archives[i];
    const bool concerned = std::any_of(archive.methods.begin(), archive.methods.end(), [&](const auto method) {
      return !schedule.match_method || *schedule.match_method == cluster::Name(method);
    });
    if (!concerned) continue;
    last.complete = last.complete && archives[i].known;
    if (archive.contents) last.at = std::max(last.at, LastStartIn(archive.contents->catalogue, schedule));
  }
  return last;
}

// Everything is lost only if every archive says so: one that is not known may hold a restorable backup.
std::optional<Loss> LeastLoss(const std::vector<ArchiveNow>& archives) {
  std::optional<Loss> least;
  bool all_known = true;
  for (const auto& archive : archives) {
    all_known = all_known && archive.loss;
    const auto worth = [](const Loss& loss) { return std::tie(loss.bytes, loss.seconds); };
    if (archive.loss && (!least || worth(*archive.loss) < worth(*least))) least = archive.loss;
  }
  if (least && std::isinf(least->bytes) && !all_known) return std::nullopt;
  return least;
}

}  // namespace

SiteVerdict JudgeSite(const ClusterState& state, const ClusterVerdict& cluster, const PositionClock& clock,
                      const std::vector<std::shared_ptr<const ArchiveVerdict>>& verdicts,
                      const std::vector<ArchiveReport>& reports, base::SteadyTime now) {
  SiteVerdict site;
  const auto source = Listen(state, cluster, clock, now);
  if (source.primary != nullptr) site.server_archived = source.primary->archiver.last_archived;
  for (std::size_t i = 0; i < state.archives.size(); ++i) {
    const auto* verdict = i < verdicts.size() ? verdicts[i].get() : nullptr;
    site.archives.push_back(JudgeArchiveNow(state, state.archives[i], verdict, source, reports, now));
  }
  site.rpo_site = LeastLoss(site.archives);
  for (const auto& schedule : state.schedules) site.last_starts.push_back(LastStartOf(schedule, state, site.archives));
  return site;
}

std::optional<base::Milliseconds> DefaultSiteObjective(const ClusterState& state) {
  if (state.archives.empty()) return std::nullopt;
  base::Milliseconds interval{0}, timeout{0};
  for (const auto& archive : state.archives) interval = std::max(interval, archive.terms.listing_interval);
  for (const auto& instance : state.instances) {
    if (!instance.foreign && instance.settings)
      timeout = std::max<base::Milliseconds>(timeout, instance.settings->archive_timeout);
  }
  return std::max<base::Milliseconds>(std::chrono::minutes(10), timeout + 2 * interval + std::chrono::minutes(2));
}

void CompleteLoss(const ClusterState& state, const SiteVerdict& site, ClusterVerdict& cluster) {
  if (state.archives.empty() || !cluster.rpo_primary || !std::isinf(cluster.rpo_primary->bytes)) return;
  cluster.rpo_primary = site.rpo_site;
}

}  // namespace pgvigil::verdict
