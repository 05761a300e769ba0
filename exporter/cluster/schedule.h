// When backups are due to start: cron expressions as CloudNativePG and crontab read them, and the schedules made of
// them. Pure but for the time zones, which come from the system's database (cluster/time_zone.h). Values are immutable
// and usable from every thread.
//
// Source: github.com/robfig/cron v1.2.0, parser.go, spec.go and constantdelay.go, which is what CloudNativePG calls
// (`cron.Parse`); crontab(5) for what static schedules describe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/time_zone.h"

namespace pgvigil::cluster {

// Who reads the expression. Where both accept a text with different meanings, ours is theirs.
enum class CronForm {
  // A ScheduledBackup. Six fields, seconds first. Five are no error: the operator's webhook only warns, and it reads
  // them as seconds to month with every day of the week, so that "0 2 * * *" is a backup an hour (see Doubts). No zone.
  kCloudNativePg,
  // Ours, for schedules of the configuration. Five fields as in crontab, or six with seconds first; day of week 7 is
  // Sunday too; "TZ=Europe/Berlin " or "CRON_TZ=..." may stand before.
  kStatic,
};

// Fields: `*` or `?`, N, N-M, N/S (N to the field's end in steps of S), N-M/S, */S, lists of those; JAN, MON and the
// like in any case. A day matches if day of month and day of week both do, where one of them has a `*` or `?`, with a
// step or without; otherwise if either does. Also @yearly @annually @monthly @weekly @daily @midnight @hourly and
// "@every 1h30m".
class Cron {
 public:
  // The error names the field, what was found and what was expected; its subject is the text. `zone` counts where the
  // text names none: the operator's, or the schedule's `timezone`.
  static base::Result<Cron> Parse(std::string_view text, CronForm form, const TimeZone& zone = {});

  // The first fire after `after`, never `after` itself; absent if there is none up to the end of the fifth calendar
  // year after it (31 February, or the 29th from 2096 to 2104).
  //
  // A fire is every whole second whose local time matches. Hence a local time that the clocks skip does not fire that
  // day, and one that they repeat fires twice. CloudNativePG does the same but for a zone whose clocks skip or repeat
  // midnight, where robfig's search may also lose the day.
  //
  // "@every" has no calendar: it counts from `after`, the last start, less its fraction of a second, and any distance
  // under a second is a second.
  std::optional<base::WallTime> Next(base::WallTime after) const;

  // The longest distance between consecutive fires of the 366 days from `now` on; the last of them counts with the fire
  // after it, and if none is within, the first two fires count. Absent without two fires. Cheap whatever the
  // expression (some hundred steps): days are looked at as wholes, save where the clocks are set, where 2,000 fires
  // are.
  std::optional<std::chrono::seconds> Period(base::WallTime now) const;

  // What was probably not meant, as sentences for a person: five fields read as six, fires within a minute, none at
  // all.
  std::vector<std::string> Doubts(base::WallTime now) const;

  bool counts_from_last_start() const { return every_.has_value(); }  // "@every"
  const std::string& text() const { return text_; }
  const TimeZone& zone() const { return zone_; }

 private:
  friend class CronReader;  // schedule_text.cc

  // Bit n: the value n matches.
  struct Fields {
    std::uint64_t seconds = 0, minutes = 0, hours = 0, days = 0, months = 0, weekdays = 0;
    bool either_day = false;  // day of month or day of week, as neither has a star
  };

  // The fires of one whole day, counted from its midnight.
  struct Day {
    std::chrono::seconds first{}, last{};
    std::optional<std::chrono::seconds> shortest, longest;  // distances; absent with a single fire
  };

  Cron() = default;
  bool Matches(std::chrono::sys_days local) const;
  std::optional<std::chrono::seconds> NextOfDay(std::chrono::seconds from) const;
  // The first local time from `from` on and before `limit`.
  std::optional<std::chrono::sys_seconds> NextLocal(std::chrono::sys_seconds from,
                                                    std::chrono::sys_seconds limit) const;
  Day WholeDay() const;
  // The last fire of the local day of the fire `time`, and the longest distance if `time` is its first; nothing on a
  // day on which the clocks are set.
  struct RestOfDay {
    base::WallTime last;
    std::chrono::seconds longest;
  };
  std::optional<RestOfDay> Rest(base::WallTime time, const Day& day) const;

  std::string text_;
  TimeZone zone_;
  Fields fields_;
  std::optional<std::chrono::seconds> every_;
  bool reads_five_as_six_ = false;
};

// One schedule of a cluster: a ScheduledBackup, or one of the configuration.
struct Schedule {
  std::string name;
  Cron cron;
  // Which backups are its starts, for static ones: those in a store carry no schedule's name. Absent: any.
  std::optional<std::string> match_method;
  std::optional<std::string> match_type;
  bool suspended = false;
  // Of a ScheduledBackup. It counts as a start, so that the first slot can be missed; absent for static ones.
  std::optional<base::WallTime> created;
};

// The shortest period among the active schedules: `backup_age` is twice that by default. Absent without one.
std::optional<std::chrono::seconds> ShortestPeriod(std::span<const Schedule> schedules, base::WallTime now);

}  // namespace pgvigil::cluster
