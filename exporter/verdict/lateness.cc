#include "verdict/lateness.h"

#include <algorithm>

namespace pgvigil::verdict {

std::optional<base::WallTime> LastStartIn(const cluster::BackupCatalogue& catalogue,
                                          const cluster::Schedule& schedule) {
  std::optional<base::WallTime> last;
  for (const auto& backup : catalogue.backups) {
    if (schedule.match_method && *schedule.match_method != cluster::Name(backup.method)) continue;
    if (schedule.match_type && *schedule.match_type != cluster::Name(backup.type)) continue;
    last = std::max(last, backup.begin_time ? backup.begin_time : backup.first_stored);
  }
  return last;
}

std::optional<base::WallTime> SlotAfterStart(const cluster::Cron& cron, base::WallTime start) {
  constexpr std::chrono::minutes kMargin(10);
  const auto slot = cron.Next(start);
  if (!slot || cron.counts_from_last_start()) return slot;
  const auto before = *slot - start;
  if (before > kMargin) return slot;
  // The interval is at least twice `before` if no slot lies between start - before and the start: then the first one
  // after start - before is this one.
  const bool within_half = cron.Next(start - before) == slot;
  return within_half ? cron.Next(*slot) : slot;
}

Lateness JudgeLateness(const cluster::Schedule& schedule, std::optional<base::WallTime> last_start,
                       base::WallTime now) {
  if (schedule.suspended) return {};
  std::optional<base::WallTime> due;
  if (schedule.created && (!last_start || *last_start < *schedule.created)) {
    due = schedule.cron.Next(*schedule.created);  // no backup: it belongs to no slot
  } else if (last_start) {
    due = SlotAfterStart(schedule.cron, *last_start);
  }
  if (!due) return {};
  return {due, std::max(0.0, base::Seconds(now - *due))};
}

Lateness JudgeLateness(const cluster::Schedule& schedule, const LastStart& last, base::WallTime now) {
  const auto lateness = JudgeLateness(schedule, last.at, now);
  const bool late = lateness.overdue_seconds && *lateness.overdue_seconds > 0;
  return late && !last.complete ? Lateness{} : lateness;
}

}  // namespace pgvigil::verdict
