// When a schedule last started a backup, by what the archives of its cluster hold.
#include <gtest/gtest.h>

#include "unit/cluster/cron_scene.h"
#include "unit/verdict/archive_scene.h"
#include "unit/verdict/scene.h"
#include "verdict/lateness.h"
#include "verdict/site.h"

namespace pgvigil::verdict {
namespace {

using cluster::BackupMethod;
using cluster::BackupType;

cluster::Schedule Hourly(std::optional<std::string> method = {}, std::optional<std::string> type = {}) {
  return {"hourly", cluster::Parsed("@every 1h", cluster::CronForm::kStatic), std::move(method), std::move(type), false,
          {}};
}

cluster::Backup Begun(double hour, BackupMethod method = BackupMethod::kBarman, BackupType type = BackupType::kFull) {
  cluster::Backup backup;
  backup.method = method;
  backup.type = type;
  backup.begin_time = Hour(hour);
  return backup;
}

TEST(LastStartTest, IsThatOfTheNewestBackupOfTheMethodAndTypeThatMatch) {
  const cluster::BackupCatalogue catalogue{{
      Begun(9, BackupMethod::kPgbackrest),
      Begun(1, BackupMethod::kPgbackrest),
      Begun(10, BackupMethod::kPgbackrest, BackupType::kDiff),
      Begun(11, BackupMethod::kPgbackrest, BackupType::kIncr),
      Begun(12, BackupMethod::kDump),
  }};
  EXPECT_EQ(LastStartIn(catalogue, Hourly()), Hour(12));
  EXPECT_EQ(LastStartIn(catalogue, Hourly("pgbackrest")), Hour(11));
  EXPECT_EQ(LastStartIn(catalogue, Hourly("pgbackrest", "full")), Hour(9));
  EXPECT_EQ(LastStartIn(catalogue, Hourly("pgbackrest", "diff")), Hour(10));
  EXPECT_EQ(LastStartIn(catalogue, Hourly({}, "full")), Hour(12));
  EXPECT_FALSE(LastStartIn(catalogue, Hourly("dump", "incr")));
  EXPECT_FALSE(LastStartIn({}, Hourly()));
}

TEST(LastStartTest, ABackupThatFailedWasStartedToo) {
  auto failed = Begun(2);
  failed.outcome = cluster::BackupOutcome::kFailed;
  auto running = Begun(3);
  running.outcome = cluster::BackupOutcome::kStarted;
  EXPECT_EQ(LastStartIn({{Begun(1), failed}}, Hourly()), Hour(2));
  EXPECT_EQ(LastStartIn({{running, failed}}, Hourly()), Hour(3));
}

TEST(LastStartTest, WithoutADateItIsTheFirstUpload) {
  cluster::Backup orphan;
  orphan.first_stored = Hour(4);
  EXPECT_EQ(LastStartIn({{Begun(1), orphan}}, Hourly()), Hour(4));
  orphan.begin_time = Hour(2);
  EXPECT_EQ(LastStartIn({{orphan}}, Hourly()), Hour(2)) << "what the tool wrote counts first";
  EXPECT_FALSE(LastStartIn({{cluster::Backup()}}, Hourly()));
}

// Archives with one backup each, listed at second 0, and one schedule.
class Starts {
 public:
  explicit Starts(cluster::Schedule schedule) : scene_({"p"}) { scene_.state.schedules = {std::move(schedule)}; }

  Starts& Archive(std::vector<BackupMethod> methods, std::optional<double> begun, bool known = true) {
    auto& archive = scene_.state.archives.emplace_back();
    archive.methods = methods;
    cluster::ArchiveContents contents;
    if (begun) contents.catalogue.backups.push_back(Begun(*begun, methods.front()));
    archive.contents = std::make_shared<const cluster::ArchiveContents>(std::move(contents));
    if (known) archive.store.last_success_steady = At(0);
    ArchiveVerdict judged;
    judged.backups.resize(archive.contents->catalogue.backups.size());
    verdicts_.push_back(std::make_shared<const ArchiveVerdict>(std::move(judged)));
    return *this;
  }
  LastStart Last() const {
    const ClusterVerdict nothing_by_sql;
    return JudgeSite(scene_.state, nothing_by_sql, scene_.clock, verdicts_, {}, At(1)).last_starts.at(0);
  }
  Lateness Judged(double hour) const { return JudgeLateness(scene_.state.schedules[0], Last(), Hour(hour)); }

 private:
  Scene scene_;
  std::vector<std::shared_ptr<const ArchiveVerdict>> verdicts_;
};

const std::vector<BackupMethod> kBarmans = {BackupMethod::kBarman, BackupMethod::kSnapshot};
const std::vector<BackupMethod> kDumps = {BackupMethod::kDump};

TEST(LastStartTest, OfSeveralArchivesTheLatestCounts) {
  Starts starts(Hourly());
  starts.Archive(kBarmans, 2).Archive(kBarmans, 3).Archive(kBarmans, 1).Archive(kDumps, {});
  EXPECT_EQ(starts.Last().at, Hour(3));
  EXPECT_TRUE(starts.Last().complete);
  EXPECT_EQ(starts.Judged(5).due, Hour(4));
  EXPECT_EQ(starts.Judged(5).overdue_seconds, 3600);
}

TEST(LastStartTest, NothingIsLateOnlyBecauseAnArchiveIsNotKnown) {
  Starts starts(Hourly());
  starts.Archive(kBarmans, 2).Archive(kBarmans, 1, false);
  EXPECT_FALSE(starts.Last().complete);
  EXPECT_EQ(starts.Judged(2.5).due, Hour(3)) << "it has started, whatever else there is";
  EXPECT_EQ(starts.Judged(2.5).overdue_seconds, 0);
  EXPECT_FALSE(starts.Judged(3.5).due) << "the other may hold a later one";
  EXPECT_FALSE(starts.Judged(3.5).overdue_seconds);
}

TEST(LastStartTest, WhatWasSeenInAnArchiveThatIsNotKnownNowHasStarted) {
  Starts starts(Hourly());
  starts.Archive(kBarmans, 1).Archive(kBarmans, 2, false);
  EXPECT_EQ(starts.Last().at, Hour(2));
  EXPECT_EQ(starts.Judged(2.5).due, Hour(3));
}

TEST(LastStartTest, AnArchiveThatCannotHoldItsBackupsSaysNothingOfThem) {
  Starts starts(Hourly("barman"));
  starts.Archive(kBarmans, 2).Archive(kDumps, 3, false);
  EXPECT_TRUE(starts.Last().complete);
  EXPECT_EQ(starts.Judged(3.5).overdue_seconds, 1800);
}

TEST(LastStartTest, BeforeAnythingWasReadNothingIsSaid) {
  Starts starts(Hourly());
  starts.Archive(kBarmans, {}, false);
  EXPECT_FALSE(starts.Last().at);
  EXPECT_FALSE(starts.Last().complete);
  EXPECT_FALSE(starts.Judged(100).due);
}

}  // namespace
}  // namespace pgvigil::verdict
