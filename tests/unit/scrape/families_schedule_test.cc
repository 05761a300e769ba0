#include "scrape/families_schedule.h"

#include <gtest/gtest.h>

#include "metrics/text_writer.h"
#include "unit/cluster/cron_scene.h"
#include "unit/scrape/samples.h"

namespace pgvigil::scrape {
namespace {

const base::WallTime kStart = base::WallTime(std::chrono::seconds(1'000'000));

// A cluster with one schedule, every hour.
struct Scheduled {
  observe::ClusterView view;

  Scheduled() {
    view.state.name = {"shop", "orders"};
    view.state.schedules.push_back(
        {"hourly", cluster::Parsed("@every 1h", cluster::CronForm::kStatic), {}, {}, false, {}});
    view.site.last_starts.push_back({kStart, true});
  }
  std::string Page(base::WallTime now) const {
    metrics::Families families;
    AddScheduleFamilies(view, now, families);
    return metrics::WritePage(std::move(families).Finish()).text;
  }
  std::string After(int seconds) const { return SamplesOf(Page(kStart + std::chrono::seconds(seconds))); }
};

TEST(FamiliesScheduleTest, WhatIsDueAndByHowMuchItIsLateAtTheMomentOfThePage) {
  const Scheduled scheduled;
  EXPECT_EQ(scheduled.After(3599),
            R"(pgvigil_backup_due_timestamp_seconds{namespace="shop",pg_cluster="orders",schedule="hourly"} 1003600
pgvigil_backup_overdue_seconds{namespace="shop",pg_cluster="orders",schedule="hourly"} 0
pgvigil_backup_schedule_suspended{namespace="shop",pg_cluster="orders",schedule="hourly"} 0
)");
  EXPECT_EQ(scheduled.After(3601),
            R"(pgvigil_backup_due_timestamp_seconds{namespace="shop",pg_cluster="orders",schedule="hourly"} 1003600
pgvigil_backup_overdue_seconds{namespace="shop",pg_cluster="orders",schedule="hourly"} 1
pgvigil_backup_schedule_suspended{namespace="shop",pg_cluster="orders",schedule="hourly"} 0
)");
}

TEST(FamiliesScheduleTest, ASuspendedOneIsNeitherDueNorLate) {
  Scheduled scheduled;
  scheduled.view.state.schedules[0].suspended = true;
  EXPECT_EQ(scheduled.After(7200),
            "pgvigil_backup_schedule_suspended{namespace=\"shop\",pg_cluster=\"orders\",schedule=\"hourly\"} 1\n");
}

TEST(FamiliesScheduleTest, BeforeItsFirstBackupItIsNeitherDueNorLate) {
  Scheduled scheduled;
  scheduled.view.site.last_starts[0] = {};
  EXPECT_EQ(scheduled.After(7200),
            "pgvigil_backup_schedule_suspended{namespace=\"shop\",pg_cluster=\"orders\",schedule=\"hourly\"} 0\n");
}

TEST(FamiliesScheduleTest, WhileAnArchiveIsNotKnownItIsNotLate) {
  Scheduled scheduled;
  scheduled.view.site.last_starts[0].complete = false;
  EXPECT_EQ(scheduled.After(7200),
            "pgvigil_backup_schedule_suspended{namespace=\"shop\",pg_cluster=\"orders\",schedule=\"hourly\"} 0\n");
}

TEST(FamiliesScheduleTest, WithoutSchedulesThereIsNothing) {
  Scheduled scheduled;
  scheduled.view.state.schedules.clear();
  scheduled.view.site.last_starts.clear();
  EXPECT_EQ(scheduled.After(0), "");
}

TEST(FamiliesScheduleTest, EveryFamilyIsDescribed) {
  std::set<std::string> names;
  for (const auto& descriptor : ScheduleDescriptors()) {
    EXPECT_TRUE(names.emplace(descriptor.name).second) << descriptor.name;
    EXPECT_FALSE(descriptor.help.empty() || descriptor.help.ends_with('.')) << descriptor.name;
  }
  EXPECT_EQ(FamiliesOf(Scheduled().Page(kStart)), names);
}

}  // namespace
}  // namespace pgvigil::scrape
