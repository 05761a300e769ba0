// What a person is told: each sentence where it belongs, and none where something is not known.
#include "web/status.h"

#include <gtest/gtest.h>

#include <limits>

#include "unit/web/status_scene.h"

namespace pgvigil::web {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;
using verdict::BackupOf;
using verdict::Store;

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

cluster::Backup Ended(std::string id, double begin, double end, base::WallTime when) {
  auto backup = BackupOf(std::move(id), 1, begin, end);
  backup.begin_time = when - seconds(60);
  backup.end_time = when;
  backup.stored_bytes = 20 << 20;
  return backup;
}

// Ten days with a backup at the beginning and one of last night.
Store TenDays() {
  return Store()
      .Has(1, 10, 20, Before(days(1)))
      .With(Ended("old", 11, 12, Before(days(10)) + std::chrono::microseconds(250000)))
      .With(Ended("new", 18, 19, Before(hours(8))));
}

TEST(StatusPrimaryTest, WhoItIsAndWhoCouldTakeOver) {
  EXPECT_EQ(StatusScene().Primary(),
            "fine: Primary: orders-1, on timeline 1.\n"
            "fine: It can fail over: orders-2 is streaming and lacks 4.0 KiB (0.5 s) of the primary's WAL.\n");
}

TEST(StatusPrimaryTest, AStandbyOverTheObjectiveShouldNotTakeOver) {
  StatusScene scene;
  scene.view.verdict.instances[1].received->seconds = 31;
  EXPECT_TRUE(Has(scene.Primary(), "broken: It should not fail over now: orders-2, the best standby, is streaming"));
  scene.view.verdict.instances[1].received = verdict::Lag{std::uint64_t{300} << 20, 1, false};
  EXPECT_TRUE(Has(scene.Primary(), "broken: It should not fail over now"));
}

TEST(StatusPrimaryTest, ADivergedStandbyIsNoCandidate) {
  StatusScene scene;
  scene.view.verdict.instances[1].replication = verdict::ReplicationState::kDiverged;
  EXPECT_TRUE(Has(scene.Primary(), "broken: It cannot fail over: no standby answers that follows the primary."));
  EXPECT_TRUE(Has(scene.Primary(), "broken: Standby orders-2 is diverged."));
}

TEST(StatusPrimaryTest, ADeadPrimaryIsNotKnownAndWhoHasMostIsNamed) {
  const auto says = StatusScene().PrimaryDies().Primary();
  EXPECT_EQ(says,
            "unknown: Who is primary is not known: no instance answers as primary, and 1 of 2 instances does not "
            "answer.\n"
            "unknown: Whether it can fail over is not known without a primary to measure against. Of the standbys that "
            "answer orders-2 has received most: up to 0/3000060 on timeline 1.\n"
            "unknown: orders-1 does not answer: Connection refused (last answer 1.0 s ago)\n"
            "-> Check that the server runs, and its host and port.\n"
            "note: Standby orders-2 is disconnected.\n");
}

TEST(StatusPrimaryTest, TwoPrimariesNoneAndAReplicaCluster) {
  StatusScene scene;
  scene.view.verdict.instances[1].role = cluster::Role::kPrimary;
  scene.view.verdict.primaries = 2;
  EXPECT_TRUE(Has(scene.Primary(), "broken: More than one instance answers as primary: orders-1, orders-2."));
  scene.view.verdict.primaries = 0;
  EXPECT_TRUE(Has(scene.Primary(), "broken: No instance answers as primary: all are standbys."));
  scene.view.state.replica = true;
  scene.view.verdict.primaries.reset();
  EXPECT_TRUE(Has(scene.Primary(), "note: This is a replica cluster"));
  EXPECT_FALSE(Has(scene.Primary(), "fail over"));
}

TEST(StatusPrimaryTest, CommitsThatWaitForASynchronousStandby) {
  StatusScene scene;
  scene.view.verdict.sync_required = 2;
  scene.view.verdict.sync_streaming = 1;
  scene.view.verdict.sync_waiters = 3;
  EXPECT_TRUE(
      Has(scene.Primary(), "broken: Commits wait: synchronous_standby_names asks for 2 and 1 follow; 3 commits"));
  scene.view.verdict.sync_streaming = 2;
  EXPECT_TRUE(Has(scene.Primary(), "fine: Synchronous standbys: 2 asked for, 2 stream."));
}

TEST(StatusPrimaryTest, AnswersThatWentStaleAreNoneAnyMore) {
  StatusScene scene;
  const auto view = HoldsNow(scene.view, kMoment.steady + seconds(3));
  EXPECT_TRUE(Has(scene.Says(AnswerPrimary(view, kMoment)), "unknown: orders-1 has not answered lately."));
}

TEST(StatusLossTest, IsHeldAgainstTheObjective) {
  StatusScene scene;
  EXPECT_TRUE(
      Has(scene.Loss(), "fine: If the primary died now: 0 B of WAL, 0.0 s of commits; the objective is 30.0 s."));
  scene.view.verdict.rpo_primary = verdict::Loss{2048, 31};
  EXPECT_TRUE(Has(scene.Loss(),
                  "broken: If the primary died now: 2.0 KiB of WAL, 31.0 s of commits: more than the "
                  "objective of 30.0 s."));
}

TEST(StatusLossTest, WhatIsHeldIsNoHealth) {
  EXPECT_TRUE(Has(StatusScene().PrimaryDies().Loss(),
                  "note: If the primary is gone: 0 B of WAL, 0.0 s of commits, as of 90.0 s ago when the primary last "
                  "answered; the objective is 30.0 s."));
  auto scene = StatusScene().PrimaryDies();
  scene.view.verdict.rpo_primary.reset();
  EXPECT_TRUE(Has(scene.Loss(),
                  "unknown: What would be lost with the primary is not known, because no primary has "
                  "answered for 5 minutes."));
}

TEST(StatusLossTest, EverythingAndNotKnownAreNotTheSame) {
  StatusScene scene;
  EXPECT_TRUE(Has(scene.Loss(),
                  "unknown: What would be lost with the site is not known, because no archive is "
                  "configured."));
  scene.Has(TenDays()).known = false;
  EXPECT_TRUE(Has(scene.Loss(),
                  "unknown: What would be lost with the site is not known, because no archive could be "
                  "read lately."));
  scene.view.site.archives[0].known = true;
  scene.view.site.rpo_site = scene.view.verdict.rpo_primary = verdict::Loss{kUnbounded, kUnbounded};
  EXPECT_TRUE(Has(scene.Loss(), "broken: If the site died now, everything would be lost: no backup can be restored."));
  EXPECT_TRUE(Has(scene.Loss(),
                  "broken: If the primary died now, everything would be lost: no standby could take "
                  "over, and no backup can be restored."));
}

TEST(StatusRestoreTest, TheWindowWithItsProofAndWhatToType) {
  StatusScene scene;
  auto& now = scene.Has(TenDays());
  now.window_ends[0] = Before(seconds(12));
  now.commits_follow[0] = true;
  EXPECT_EQ(scene.Restore(),
            "fine: s3, barman: any moment from 2027-01-05 08:00:00 UTC to 2027-01-15 07:59:48 UTC, proven by backup "
            "old and unbroken WAL up to 0/1500000.\n"
            "- to the start: restore backup old, then recovery_target_time = '2027-01-05 08:00:00.250000+00'\n"
            "- to the end: restore backup new, then no target: to the end of WAL\n"
            "note: s3: 2 backups, 2 restorable.\n"
            "- new (barman, full, ended 2027-01-15 00:00:00 UTC, 20.0 MiB): restorable\n"
            "- old (barman, full, ended 2027-01-05 08:00:00 UTC, 20.0 MiB): restorable\n");
  now.window_ends[0].reset();
  now.commits_follow[0] = false;
  EXPECT_TRUE(Has(scene.Restore(), " to one that is not known, proven"));
  EXPECT_TRUE(Has(scene.Restore(), "restore backup old, then recovery_target = 'immediate'"));
  now.window_ends[0] = Before(days(11));
  EXPECT_TRUE(Has(scene.Restore(), "the moment 2027-01-05 08:00:00 UTC, and no later one yet, proven"));
}

TEST(StatusRestoreTest, AShortWindowIsBrokenOnlyWhereItIsNotYoung) {
  StatusScene scene;
  auto store = Store().Has(1, 10, 20).With(Ended("new", 18, 19, Before(hours(8))));
  scene.Has(store).window_ends[0] = kWall;
  EXPECT_TRUE(Has(scene.Restore(),
                  "note: s3, barman: the window is 8.0 h long, less than the objective of 7.0 days: no "
                  "older backup is there."));
  scene.Has(TenDays().Lacks(1, 15)).window_ends[0] = kWall;
  EXPECT_TRUE(Has(scene.Restore(),
                  "broken: s3, barman: the window is 8.0 h long, less than the objective of 7.0 days: "
                  "older backups are kept that lead nowhere."));
}

TEST(StatusRestoreTest, ABackupThatIsNotRestorableSaysWhy) {
  StatusScene scene;
  scene.Has(TenDays().Lacks(1, 18));
  const auto says = scene.Restore();
  EXPECT_TRUE(Has(says, "broken: s3: 2 backups, 1 restorable. The newest is not.\n"));
  EXPECT_TRUE(Has(says, "- new (barman, full, ended 2027-01-15 00:00:00 UTC, 20.0 MiB): broken: "));
  EXPECT_TRUE(Has(scene.Lately(), "broken: s3: the newest full backup (barman) ended at 2027-01-15 00:00:00 UTC "));
  scene.Has(TenDays().Lacks(1, 18).Lacks(1, 11));
  EXPECT_TRUE(Has(scene.Restore(), "broken: s3: nothing can be restored: of 2 backups none is restorable."));
  scene.Has(Store().Has(1, 10, 20));
  EXPECT_TRUE(Has(scene.Restore(), "broken: s3: nothing can be restored, because it holds no backup."));
}

TEST(StatusRestoreTest, GapsAreNamedAndYoungOnesMayStillArrive) {
  StatusScene scene;
  scene.Has(TenDays().Lacks(1, 14, 15).Confirmed(1, 14));
  EXPECT_TRUE(Has(scene.Restore(), "broken: s3: WAL is missing in 1 place.\n"));
  EXPECT_TRUE(Has(scene.Restore(), "- 00000001000000000000000E to 00000001000000000000000F: 2 segments, since "));
  scene.Has(TenDays().Lacks(1, 14, 15));
  EXPECT_TRUE(Has(scene.Restore(), "note: s3: WAL is missing in 1 place; 1 of them may still arrive.\n"));
}

TEST(StatusRestoreTest, WhatIsWrongWithTheArchive) {
  StatusScene scene;
  auto& now = scene.Has(TenDays().Has(3, 20).History(3, {{1, 19.5}}));
  now.effective = false;
  now.backlog_segments = 1;
  now.conflicts = verdict::Conflicts{1, 2, 3};
  scene.reading->state.clock_skew = std::chrono::minutes(-3);
  const auto says = scene.Restore();
  for (const std::string part :
       {"broken: s3: it holds timeline 3, and the cluster is on 1: recovery to the latest would follow the wrong one.",
        "- in both cases: recovery_target_timeline = '1'", "broken: s3: what the server calls archived is not in it.",
        "note: s3: 1 whole segment that the primary has written is not archived yet.",
        "broken: s3: somebody else writes to it.", "- backups of a system identifier that is not the cluster's\n",
        "- 2 segments on timelines that are not the cluster's\n", "- 3 segments that the primary has not written yet\n",
        "broken: s3: the store's clock is 3 min behind pgvigil's."})
    EXPECT_TRUE(Has(says, part)) << part << "\n" << says;
}

TEST(StatusRestoreTest, APartialSegmentWhereTheWalEndsIsMentioned) {
  StatusScene scene;
  auto store = TenDays();
  store.contents.wal.partial[{1, 21}] = kWall;
  store.contents.wal.partial[{1, 30}] = kWall;
  scene.Has(store);
  EXPECT_TRUE(Has(scene.Restore(), "note: s3: 000000010000000000000015.partial is there"));
  EXPECT_FALSE(Has(scene.Restore(), "00000001000000000000001E.partial"));
}

TEST(StatusRestoreTest, AnArchiveThatCannotBeReadIsNotKnown) {
  StatusScene scene;
  scene.CannotBeRead(base::ErrorKind::kPermission, "Access Denied");
  EXPECT_EQ(scene.Restore(),
            "unknown: Not known, because archive s3 cannot be read, and never could be: backups: Access Denied\n"
            "-> Allow pgvigil to list and read the place.\n");
  scene.reading->state.store.error.reset();
  EXPECT_EQ(scene.Restore(), "unknown: Not known yet: archive s3 is being read for the first time.\n");
}

TEST(StatusRestoreTest, WhatWasReadLatelyStandsBesideTheError) {
  StatusScene scene;
  auto& now = scene.Has(TenDays());
  scene.reading->state.store.up = false;
  scene.reading->state.store.error = base::Error{base::ErrorKind::kTimeout, "no answer", "s3:443", {}};
  EXPECT_TRUE(Has(scene.Restore(),
                  "unknown: Archive s3 cannot be read; it was last read 10.0 s ago, and what follows is "
                  "from then: s3:443: no answer\n"));
  EXPECT_TRUE(Has(scene.Restore(), "fine: s3, barman: any moment"));
  now.known = false;
  EXPECT_FALSE(Has(scene.Restore(), "fine")) << scene.Restore();
  scene.reading->state.store.up = true;
  EXPECT_TRUE(Has(scene.Restore(), "unknown: Not known, because the last reading of archive s3 is too old"));
}

TEST(StatusRestoreTest, AToolsReportClaimsAndProvesNothing) {
  StatusScene scene;
  auto store = TenDays();
  store.contents.proves = false;
  scene.Has(store);
  EXPECT_TRUE(Has(scene.Restore(), "unknown: s3: not proven, because it is a tool's own report"));
  EXPECT_TRUE(Has(scene.Restore(), "20.0 MiB): done, as the tool says"));
  EXPECT_FALSE(Has(scene.Restore(), "restorable"));
}

TEST(StatusLatelyTest, BackupsFailuresAndStartsOfTheLastDay) {
  StatusScene scene;
  auto store = TenDays();
  auto failed = Ended("failed", 19, 20, Before(hours(2)));
  failed.outcome = cluster::BackupOutcome::kFailed;
  store.With(failed);
  scene.Has(store);
  auto facts = *scene.view.state.instances[0].facts;
  facts.postmaster_start = Before(hours(3));
  facts.archiver.last_archived = Before(hours(2));
  facts.archiver.last_failed = Before(hours(1));
  facts.archiver.last_failed_wal = "000000010000000000000015";
  scene.view.state.instances[0].facts = std::make_shared<const cluster::InstanceFacts>(facts);
  scene.view.state.objectives.backup_age = hours(6);
  EXPECT_EQ(
      scene.Lately(),
      "broken: s3: the newest full backup (barman) failed; it began at 2027-01-15 05:59:00 UTC (2.0 h ago).\n"
      "-> Look at the log of the backup tool, and take another.\n"
      "fine: s3: the newest full backup (barman) ended at 2027-01-15 00:00:00 UTC (8.0 h ago), took 60.0 s (usually "
      "60.0 s), 20.0 MiB (usually 20.0 MiB); it is restorable.\n"
      "broken: The newest backup is 8.0 h old, more than the objective of 6.0 h.\n"
      "-> Take one.\n"
      "broken: The archiver of orders-1 fails: last with 000000010000000000000015 at 2027-01-15 07:00:00 UTC.\n"
      "-> The server's log has what archive_command said.\n"
      "note: orders-1 was started at 2027-01-15 05:00:00 UTC.\n");
}

TEST(StatusLatelyTest, APromotionLeavesAHistory) {
  StatusScene scene;
  auto store = TenDays().History(2, {{1, 19.5}}).Has(2, 19, 21);
  store.contents.wal.histories[2].stored = Before(hours(5));
  scene.Has(store);
  EXPECT_TRUE(Has(scene.Lately(),
                  "note: s3: timeline 2 began at 0/1380000; its history was stored at 2027-01-15 "
                  "03:00:00 UTC."));
  store.contents.wal.histories[2].stored = Before(hours(25));
  scene.Has(store);
  EXPECT_FALSE(Has(scene.Lately(), "timeline 2 began"));
}

// What the journal remembers of `scene`.
failover::FailoverHistory& Remembers(StatusScene& scene) {
  const auto history = std::make_shared<failover::FailoverHistory>();
  history->whole = true;
  scene.view.failovers = history;
  return *history;
}

cluster::FailoverEvent EventOf(cluster::FailoverKind kind, std::chrono::seconds ago) {
  cluster::FailoverEvent event;
  event.kind = kind;
  event.from = "orders-1";
  event.to = "orders-2";
  event.serving = Before(ago);
  event.outage = std::chrono::milliseconds(9800);
  return event;
}

TEST(StatusFailoverTest, TheLastDaysEventsInWords) {
  using enum cluster::FailoverKind;
  StatusScene scene;
  auto& events = Remembers(scene).events;
  events.push_back(EventOf(kFailover, hours(25)));
  auto restart = EventOf(kRestart, hours(5));
  restart.to = restart.from;
  events.push_back(restart);
  events.push_back(EventOf(kSwitchover, hours(4)));
  auto failover = EventOf(kFailover, hours(3));
  failover.lost_bytes = 24576;
  failover.sample_age = std::chrono::milliseconds(400);
  failover.outage = std::chrono::seconds(180);
  events.push_back(failover);
  events.push_back(EventOf(kFailover, hours(2)));
  events.back().lost_bytes = 0;
  events.push_back(EventOf(kFailover, hours(2)));
  events.push_back(EventOf(kDesignated, hours(1)));
  EXPECT_TRUE(scene.Lately().starts_with(
      "note: 2027-01-15 07:00:00 UTC another designated primary: orders-1 → orders-2, in place after 9.8 s.\n"
      "note: 2027-01-15 06:00:00 UTC failover orders-1 → orders-2, writable after 9.8 s, what was lost is not known.\n"
      "note: 2027-01-15 06:00:00 UTC failover orders-1 → orders-2, writable after 9.8 s, nothing known to be lost.\n"
      "note: 2027-01-15 05:00:00 UTC failover orders-1 → orders-2, writable after 3 min, at least 24.0 KiB lost "
      "(last seen 0.4 s before). The objective was 2 min.\n"
      "-> Before orders-1 is rewound or cloned anew, keep its pg_wal: what was lost is in it.\n"
      "note: 2027-01-15 04:00:00 UTC switchover orders-1 → orders-2, writable after 9.8 s, nothing lost.\n"
      "note: 2027-01-15 03:00:00 UTC restart of orders-1, writable after 9.8 s.\n"
      "unknown: Whether a backup"))
      << scene.Lately();
}

TEST(StatusFailoverTest, ManyEventsAreCountedAndNoneIsSaid) {
  StatusScene scene;
  auto& history = Remembers(scene);
  EXPECT_TRUE(
      Has(scene.Lately(), "note: pgvigil knows of no failover, restart or crash of a primary in the last 24 h."));
  for (int i = 12; i > 0; --i) history.events.push_back(EventOf(cluster::FailoverKind::kSwitchover, hours(i)));
  EXPECT_TRUE(Has(scene.Lately(), "note: Before these, 2 more events in the last 24 h."));
  EXPECT_FALSE(Has(scene.Lately(), "knows of no failover"));
}

TEST(StatusFailoverTest, AJournalThatCannotBeReadIsSaid) {
  StatusScene scene;
  Remembers(scene).whole = false;
  EXPECT_TRUE(scene.Lately().starts_with("unknown: What happened before pgvigil was started is not known"));
  EXPECT_FALSE(Has(scene.Lately(), "knows of no failover"));
}

TEST(StatusTest, TheWorstIsWhatOneWordSays) {
  EXPECT_EQ(WorstOf(Answer{"lately", "", {{Standing::kNote, "By the way.", {}, {}}}, {}}), Standing::kFine);
  StatusScene scene;
  EXPECT_EQ(WorstOf(AnswersOf(scene.view, kMoment)), Standing::kUnknown) << "no archive";
  auto& now = scene.Has(TenDays());
  now.window_ends[0] = kWall;
  scene.view.site.rpo_site = verdict::Loss{0, 0};
  EXPECT_EQ(WorstOf(AnswersOf(scene.view, kMoment)), Standing::kFine);
  scene.view.verdict.rpo_primary = verdict::Loss{1, 31};
  EXPECT_EQ(WorstOf(AnswersOf(scene.view, kMoment)), Standing::kBroken);
  scene.view.verdict.rpo_primary.reset();
  EXPECT_EQ(WorstOf(AnswersOf(scene.view, kMoment)), Standing::kUnknown);
}

TEST(StatusTest, EveryAnswerHasItsEvidenceAndAge) {
  StatusScene scene;
  scene.Has(TenDays());
  for (const auto& answer : AnswersOf(scene.view, kMoment)) {
    ASSERT_FALSE(answer.evidence.empty()) << answer.question;
    for (const auto& evidence : answer.evidence)
      EXPECT_EQ(evidence.age_seconds, evidence.source == "sql" ? 1 : 10) << answer.question;
  }
}

}  // namespace
}  // namespace pgvigil::web
