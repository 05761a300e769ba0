// Whether a backup is late: the slot that its schedule waits for, and for how long it has done so. Each sentence here
// has a test. Pure: no I/O, no clock; `now` is given.
#pragma once

#include <optional>

#include "base/clock.h"
#include "cluster/backup.h"
#include "cluster/schedule.h"

namespace pgvigil::verdict {

// Both absent when the schedule is suspended, and when nothing has started by it yet (only a static one can be without
// a start: the making of a ScheduledBackup is one) or nothing ever will.
struct Lateness {
  std::optional<base::WallTime> due;      // the first slot after the last start; ahead of `now` if none was missed
  std::optional<double> overdue_seconds;  // now - due, 0 while `due` is ahead
};

// What archives tell of the starts of a schedule's backups.
struct LastStart {
  std::optional<base::WallTime> at;  // the latest known
  bool complete = true;              // false: an archive that is not known now may hold a later one
};

// The latest start of a backup that the schedule takes for its own, whatever became of it. One that its tool never
// dated began when its first object was stored.
std::optional<base::WallTime> LastStartIn(const cluster::BackupCatalogue& catalogue, const cluster::Schedule& schedule);

// `last_start`: of the backups that the schedule took, the latest start known. The later of it and of the schedule's
// creation counts.
Lateness JudgeLateness(const cluster::Schedule& schedule, std::optional<base::WallTime> last_start, base::WallTime now);
// Both absent as well where it would be late, and an archive that is not known may hold the start that is missed.
Lateness JudgeLateness(const cluster::Schedule& schedule, const LastStart& last, base::WallTime now);

// The first slot after a backup's start. A start up to min(10 min, half the interval) before a slot belongs to that
// slot, so that the one after it is meant; the interval is the one that the slot ends. Slots of "@every" follow from
// the start and have no such margin.
std::optional<base::WallTime> SlotAfterStart(const cluster::Cron& cron, base::WallTime start);

}  // namespace pgvigil::verdict
