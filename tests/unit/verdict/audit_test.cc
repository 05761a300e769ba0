// What an audit adds to the verdict on an archive: branches, costs of gaps, orphans, faults.
#include "verdict/audit.h"

#include <gtest/gtest.h>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::verdict {
namespace {

using cluster::WalFile;

std::string Text(const std::vector<Branch>& branches) {
  constexpr const char* kHistory[] = {"", " history", " unreadable", " missing"};
  std::string text;
  for (const auto& branch : branches) {
    text += std::to_string(branch.timeline);
    if (branch.parent) text += "<" + std::to_string(*branch.parent);
    if (branch.begin) text += " from " + std::to_string(static_cast<int>(Segments(branch.begin)));
    if (branch.left) text += " to " + std::to_string(static_cast<int>(Segments(branch.left)));
    text += branch.on_path ? " on" : " off";
    text += std::string(kHistory[static_cast<int>(branch.history)]) + "\n";
  }
  return text;
}

std::vector<Branch> Branches(const Store& store) { return BranchesOf(store.contents, store.Judged()); }
std::vector<GapCost> Costs(const Store& store) { return CostsOf(store.contents, store.Judged()); }
std::vector<std::string> Broken(const Store& store) {
  return FaultsOf(store.contents, store.terms, store.Judged(), kNow).broken;
}
Orphans OrphansIn(const Store& store, const std::vector<WalFile>& files) {
  return OrphansOf(store.contents, store.Judged(), files);
}

using Sum = std::pair<std::uint64_t, std::uint64_t>;
Sum Pair(const Orphans::Sum& sum) { return {sum.files, sum.bytes}; }

TEST(BranchesTest, TheFirstTimelineAloneNeedsNoHistory) { EXPECT_EQ(Text(Branches(Store().Has(1, 3, 9))), "1 on\n"); }

TEST(BranchesTest, NothingStoredHasNone) { EXPECT_TRUE(Branches(Store()).empty()); }

TEST(BranchesTest, EachHangsOnTheOneItLeft) {
  const auto store =
      Store().Has(1, 1, 5).Has(2, 5, 8).Has(3, 8, 9).History(2, {{1, 5.5}}).History(3, {{1, 5.5}, {2, 8.5}});
  EXPECT_EQ(Text(Branches(store)),
            "1 to 5 on\n"
            "2<1 from 5 to 8 on history\n"
            "3<2 from 8 on history\n");
}

TEST(BranchesTest, ABranchThatWasLeftIsNotOnThePath) {
  const auto store = Store().Has(1, 1, 5).Has(2, 5, 8).Has(3, 3, 9).History(2, {{1, 5.5}}).History(3, {{1, 3.5}});
  EXPECT_EQ(Text(Branches(store)),
            "1 to 3 on\n"
            "2<1 from 5 off history\n"
            "3<1 from 3 on history\n");
}

TEST(BranchesTest, ADescendantsHistoryTellsWhereOneBeganWhoseOwnIsMissing) {
  const auto store = Store().Has(1, 1, 5).Has(2, 5, 8).Has(3, 8, 9).History(3, {{1, 5.5}, {2, 8.5}});
  EXPECT_EQ(Text(Branches(store)),
            "1 to 5 on\n"
            "2<1 from 5 to 8 on missing\n"
            "3<2 from 8 on history\n");
}

TEST(BranchesTest, AHistoryThatCannotBeReadIsThere) {
  const auto store = Store().Has(1, 1, 5).Has(2, 5, 8).UnreadableHistory(2);
  EXPECT_EQ(Branches(store).back().history, Branch::History::kUnreadable);
}

TEST(GapCostTest, StopsWhatComesBeforeAndEndsWithTheNextBackup) {
  const auto store = Store()
                         .Has(1, 1, 20)
                         .Lacks(1, 6, 7)
                         .Confirmed(1, 6)
                         .With(BackupOf("before", 1, 2.1, 3.5, 100))
                         .With(BackupOf("behind", 1, 10.1, 11.5, 200))
                         .With(BackupOf("later", 1, 15.1, 16.5, 300));
  const auto costs = Costs(store);
  ASSERT_EQ(costs.size(), 1U);
  EXPECT_EQ(Segments(costs[0].from), 6);
  EXPECT_EQ(costs[0].stopped, std::vector<std::size_t>{0});
  EXPECT_TRUE(costs[0].broken.empty());
  EXPECT_EQ(costs[0].resumes, 1U);
}

TEST(GapCostTest, ABackupThatNeedsItIsBrokenAndResumesNothing) {
  const auto store = Store()
                         .Has(1, 1, 20)
                         .Lacks(1, 6)
                         .Confirmed(1, 6)
                         .With(BackupOf("before", 1, 2.1, 3.5, 100))
                         .With(BackupOf("over", 1, 5.1, 7.5, 200));
  const auto costs = Costs(store);
  ASSERT_EQ(costs.size(), 1U);
  EXPECT_EQ(costs[0].stopped, std::vector<std::size_t>{0});
  EXPECT_EQ(costs[0].broken, std::vector<std::size_t>{1});
  EXPECT_FALSE(costs[0].resumes);
}

TEST(GapCostTest, OfTwoGapsEachStopsItsOwn) {
  const auto store = Store()
                         .Has(1, 1, 20)
                         .Lacks(1, 6)
                         .Lacks(1, 14)
                         .Confirmed(1, 6)
                         .Confirmed(1, 14)
                         .With(BackupOf("one", 1, 2.1, 3.5, 100))
                         .With(BackupOf("two", 1, 10.1, 11.5, 200));
  const auto costs = Costs(store);
  ASSERT_EQ(costs.size(), 2U);
  EXPECT_EQ(costs[0].stopped, std::vector<std::size_t>{0});
  EXPECT_EQ(costs[0].resumes, 1U);
  EXPECT_EQ(costs[1].stopped, std::vector<std::size_t>{1});
  EXPECT_FALSE(costs[1].resumes);
}

TEST(GapCostTest, WhatEndsInsideOfItAndHoldsItsOwnWalResumesNothing) {
  auto inside = BackupOf("inside", 1, 5.1, 6.5, 200);
  inside.self_contained = true;
  auto store = Store().Has(1, 1, 9).Lacks(1, 5, 7).Confirmed(1, 5).With(BackupOf("one", 1, 2.1, 3.5, 100)).With(inside);
  auto costs = Costs(store);
  ASSERT_EQ(costs.size(), 1U);
  EXPECT_EQ(costs[0].stopped, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(costs[0].within, std::vector<std::size_t>{1});
  EXPECT_FALSE(costs[0].resumes);
  store.With(BackupOf("behind", 1, 8.1, 8.5, 300));
  costs = Costs(store);
  EXPECT_EQ(costs[0].resumes, 2U);
}

TEST(OrphansTest, WalBeforeAllBackupsIsNeededByNone) {
  const auto store = Store().Has(1, 1, 9).With(BackupOf("b", 1, 5.2, 6.5));
  const auto orphans =
      OrphansIn(store, {{{1, 3}, false, 10}, {{1, 4}, false, 20}, {{1, 5}, false, 40}, {{1, 9}, false, 80}});
  EXPECT_EQ(Pair(orphans.before_backups), Sum(2, 30));
  EXPECT_EQ(Pair(orphans.left_behind), Sum(0, 0));
}

TEST(OrphansTest, AFailedBackupNeedsNothingAndARunningOneDoes) {
  auto failed = BackupOf("failed", 1, 2.2, 3.5, 100);
  failed.outcome = cluster::BackupOutcome::kFailed;
  auto store = Store().Has(1, 1, 9).With(failed).With(BackupOf("done", 1, 6.2, 7.5, 200));
  const std::vector<WalFile> files = {{{1, 2}, false, 1}, {{1, 4}, false, 1}, {{1, 6}, false, 1}};
  EXPECT_EQ(OrphansIn(store, files).before_backups.files, 2U);
  store.contents.catalogue.backups[0].outcome = cluster::BackupOutcome::kStarted;
  EXPECT_EQ(OrphansIn(store, files).before_backups.files, 0U);
}

TEST(OrphansTest, WithoutABackupNothingLiesBeforeOne) {
  EXPECT_EQ(OrphansIn(Store().Has(1, 1, 9), {{{1, 1}, false, 10}}).before_backups.files, 0U);
}

TEST(OrphansTest, WhatThePathDoesNotGoOverIsLeftBehind) {
  const auto store = Store().Has(1, 1, 8).Has(2, 5, 9).History(2, {{1, 5.5}}).With(BackupOf("b", 1, 1.2, 2.5));
  const auto orphans =
      OrphansIn(store, {{{1, 4}, false, 1}, {{1, 5}, false, 2}, {{1, 8}, false, 4}, {{2, 5}, false, 8}});
  EXPECT_EQ(Pair(orphans.left_behind), Sum(2, 6)) << "of a switch the child's segment is read";
}

TEST(OrphansTest, APartialIsWorthKeepingWhereItsWholeSegmentIsMissing) {
  const auto store = Store().Has(1, 1, 4).With(BackupOf("b", 1, 1.2, 2.5));
  EXPECT_EQ(OrphansIn(store, {{{1, 5}, true, 9}}).partials.files, 0U);
  EXPECT_EQ(Pair(OrphansIn(store, {{{1, 4}, true, 9}}).partials), Sum(1, 9)) << "stored whole";
  EXPECT_EQ(OrphansIn(store, {{{1, 0}, true, 9}}).partials.files, 1U) << "before all backups";
  EXPECT_EQ(OrphansIn(store, {{{7, 5}, true, 9}}).partials.files, 1U) << "the path never goes there";
  const auto switched = Store().Has(1, 1, 4).Has(2, 5, 9).History(2, {{1, 5.5}}).With(BackupOf("b", 1, 1.2, 2.5));
  EXPECT_EQ(OrphansIn(switched, {{{1, 5}, true, 9}}).partials.files, 1U) << "the child's segment holds the same";
}

TEST(OrphansTest, FilesOfABackupWithoutMetadataAreOne) {
  cluster::Backup files;
  files.id = "files";
  files.outcome = cluster::BackupOutcome::kNoMetadata;
  files.first_stored = files.last_stored = Hour(1);
  EXPECT_EQ(OrphansIn(Store().Has(1, 1, 9).With(files), {}).backups, std::vector<std::size_t>{0});
}

TEST(FaultsTest, ASoundArchiveHasNone) {
  EXPECT_TRUE(Broken(Store().Has(1, 1, 9).With(BackupOf("b", 1, 1.2, 2.5))).empty());
}

TEST(FaultsTest, WithoutABackupItIsNotSound) {
  EXPECT_EQ(Broken(Store().Has(1, 1, 9)), std::vector<std::string>{"it holds no backup"});
}

TEST(FaultsTest, EachIsSaid) {
  auto failed = BackupOf("failed", 1, 8.2, 8.5, 300);
  failed.outcome = cluster::BackupOutcome::kFailed;
  const auto store =
      Store().Has(1, 1, 9).Lacks(1, 5, 6).Confirmed(1, 5).With(BackupOf("over", 1, 4.2, 6.5, 200)).With(failed);
  EXPECT_EQ(Broken(store), (std::vector<std::string>{"no backup is restorable", "1 broken backup",
                                                     "the newest backup, failed, did not come to its end",
                                                     "2 WAL segments missing in 1 gap"}));
}

TEST(FaultsTest, AYoungHoleIsNone) {
  const auto store = Store().Has(1, 1, 4).Has(1, 6, 9, kNow).With(BackupOf("b", 1, 1.2, 2.5));
  ASSERT_EQ(store.Judged().gaps.size(), 1U);
  EXPECT_TRUE(Broken(store).empty());
}

TEST(FaultsTest, ASegmentThatIsNotWholeWhereTheProvenWalEnds) {
  auto store = Store().Has(1, 1, 9).With(BackupOf("b", 1, 1.2, 2.5));
  store.contents.wal.bad[{1, 10}] = {1000, Hour(1), {}};
  EXPECT_EQ(Broken(store),
            std::vector<std::string>{"WAL segment 00000001000000000000000A, where the proven WAL ends, is empty or cut "
                                     "short: a recovery that reads it stops with an error"});
  store.contents.wal.bad[{1, 10}].stored = kNow;
  EXPECT_TRUE(Broken(store).empty()) << "it may still be written";
  store.contents.wal.bad[{1, 10}].damage = "it does not begin as WAL does";
  EXPECT_EQ(Broken(store), std::vector<std::string>{"WAL segment 00000001000000000000000A, where the proven WAL ends, "
                                                    "is damaged: it does not begin as WAL does"});
  store.contents.wal.bad = {{{1, 12}, {1000, Hour(1), {}}}};
  EXPECT_TRUE(Broken(store).empty()) << "no recovery gets there";
}

TEST(FaultsTest, WhatMayNotBeReadIsNotBroken) {
  auto denied = BackupOf("denied", 1, 1.2, 2.5);
  denied.outcome = cluster::BackupOutcome::kUnreadable;
  denied.denied = true;
  auto store = Store().Has(1, 1, 9).With(denied);
  auto faults = FaultsOf(store.contents, store.terms, store.Judged(), kNow);
  EXPECT_TRUE(faults.broken.empty());
  EXPECT_EQ(faults.unreadable, (std::vector<std::string>{"1 backup may not be read: permission denied",
                                                         "no backup that may be read is restorable"}));
  store.With(BackupOf("b", 1, 3.2, 4.5));
  faults = FaultsOf(store.contents, store.terms, store.Judged(), kNow);
  EXPECT_EQ(faults.unreadable, std::vector<std::string>{"1 backup may not be read: permission denied"});
}

TEST(FaultsTest, HistoriesThatRecoveryNeeds) {
  const auto store = Store().Has(1, 1, 5).Has(2, 5, 8).With(BackupOf("b", 1, 1.2, 2.5));
  EXPECT_EQ(Broken(store), std::vector<std::string>{"the history of timeline 2 is not stored"});
}

}  // namespace
}  // namespace pgvigil::verdict
