#include "scrape/families_schedule.h"

#include <array>

#include "verdict/lateness.h"

namespace pgvigil::scrape {
namespace {

using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;

constexpr std::array<std::string_view, 1> kSchedule = {"schedule"};

constexpr std::array kDescriptors = {
    Descriptor{"pgvigil_backup_due_timestamp_seconds", Type::kGauge, Scope::kCluster, kSchedule,
               "When the schedule's next backup is to start, counted from the last one that did, in Unix seconds: in "
               "the past if it is late; absent while suspended and before the first backup"},
    Descriptor{"pgvigil_backup_overdue_seconds", Type::kGauge, Scope::kCluster, kSchedule,
               "Time since the schedule's next backup was due, in seconds; 0 while it lies ahead"},
    Descriptor{"pgvigil_backup_schedule_suspended", Type::kGauge, Scope::kCluster, kSchedule,
               "1 if the schedule is suspended: it is neither due nor late then"},
};

}  // namespace

void AddScheduleFamilies(const observe::ClusterView& view, base::WallTime now, metrics::Families& families) {
  const auto identity = metrics::Identity(view.state.name.space, view.state.name.name, {});
  for (std::size_t i = 0; i < view.state.schedules.size(); ++i) {
    const auto& schedule = view.state.schedules[i];
    const auto lateness = verdict::JudgeLateness(schedule, view.site.last_starts[i], now);
    if (lateness.due) families.Add(kDescriptors[0], identity, {schedule.name}, base::UnixSeconds(*lateness.due));
    if (lateness.overdue_seconds) families.Add(kDescriptors[1], identity, {schedule.name}, *lateness.overdue_seconds);
    families.Add(kDescriptors[2], identity, {schedule.name}, schedule.suspended ? 1 : 0);
  }
}

std::span<const Descriptor> ScheduleDescriptors() { return kDescriptors; }

}  // namespace pgvigil::scrape
