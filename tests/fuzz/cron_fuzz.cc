// Cron expressions, as they come from configuration files and ScheduledBackups.
#include "cluster/schedule.h"
#include "fuzz/input.h"
#include "verdict/lateness.h"

namespace {

using namespace pgvigil;

void Try(std::string_view text, cluster::CronForm form) {
  constexpr base::WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 3 / 28) + std::chrono::hours(23);
  const auto cron = cluster::Cron::Parse(text, form);
  if (!cron.ok()) {
    fuzz::Expect(!cron.error().message.empty(), "a bad expression is told why");
    return;
  }
  const auto first = cron->Next(kNow);
  if (first) {
    fuzz::Expect(*first > kNow, "the next fire lies ahead");
    const auto second = cron->Next(*first);
    fuzz::Expect(!second || *second > *first, "so does the one after it");
  }
  const auto period = cron->Period(kNow);
  fuzz::Expect(!period || period->count() > 0, "a period is a span");
  (void)cron->Doubts(kNow);
  const cluster::Schedule schedule{"nightly", *cron, std::nullopt, std::nullopt, false, std::nullopt};
  const auto lateness = verdict::JudgeLateness(schedule, kNow - std::chrono::hours(30), kNow);
  fuzz::Expect(lateness.due.has_value() == lateness.overdue_seconds.has_value(), "late is what is due");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Try(fuzz::Text(bytes, size), cluster::CronForm::kStatic);
  Try(fuzz::Text(bytes, size), cluster::CronForm::kCloudNativePg);
  return 0;
}
