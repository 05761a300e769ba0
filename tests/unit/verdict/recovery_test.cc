// What an archive can restore: proven end, windows, gaps, runs. What follows from literal recovery is checked in many
// more archives by recovery_model_test.cc.
#include "verdict/recovery.h"

#include <gtest/gtest.h>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::verdict {
namespace {

using cluster::BackupMethod;
using std::chrono::minutes;

TEST(ProvenEndTest, IsTheFirstHoleBehindARestorableBackup) {
  const auto archive = Store().Has(1, 1, 20).With(BackupOf("a", 1, 3.5, 4.5));
  EXPECT_EQ(Segments(archive.Judged().proven_end), 21);
  EXPECT_EQ(Segments(Store(archive).Lacks(1, 10).Judged().proven_end), 10) << "never judged by the newest object";
  EXPECT_FALSE(Store(archive).Lacks(1, 4).Judged().proven_end) << "no backup is restorable";
  EXPECT_EQ(Segments(Store(archive).Lacks(1, 10).With(BackupOf("b", 1, 12, 13)).Judged().proven_end), 21);
}

TEST(ProvenEndTest, WaitsBeforeTheSwitchForTheChildsSegment) {
  auto archive = Store().Has(1, 1, 4).History(2, {{1, 5.5}}).With(BackupOf("a", 1, 3.5, 4.5));
  archive.contents.wal.partial[{1, 5}] = Hour(1);
  EXPECT_EQ(Segments(archive.Judged().proven_end), 5) << "a .partial covers nothing";
  EXPECT_EQ(Segments(Store(archive).Has(1, 5).Judged().proven_end), 5) << "nor does the parent's";
  EXPECT_EQ(Segments(Store(archive).Has(2, 5).Judged().proven_end), 6);
  EXPECT_EQ(Store(archive).Has(2, 5).Judged().proven_timeline, 2U);
}

TEST(ProvenEndTest, IsTheSwitchThatAMissingHistoryDescribes) {
  auto archive = Store().Has(1, 1, 5).Has(2, 5, 9).With(BackupOf("a", 1, 3.5, 4.5));
  const auto verdict = archive.Judged({2, {{2, Pos(5.5)}}});
  EXPECT_EQ(Segments(verdict.proven_end), 5.5);
  EXPECT_EQ(verdict.proven_timeline, 1U) << "its last segment is the parent's";
  EXPECT_EQ(verdict.missing_histories, std::vector<std::uint32_t>{2});
  EXPECT_EQ(Segments(verdict.run_end), 10) << "the run goes on: the WAL is there, only the history is not";
}

TEST(HistoriesTest, AreNamedFromTheOldestWholeBackupOn) {
  auto archive = Store().Has(1, 1, 5).Has(4, 5, 9).History(4, {{1, 5.5}}).UnreadableHistory(3);
  EXPECT_EQ(archive.Judged().missing_histories, std::vector<std::uint32_t>{2});
  EXPECT_EQ(archive.Judged().unreadable_histories, std::vector<std::uint32_t>{3}) << "that is not missing";
  archive.With(BackupOf("a", 4, 6, 7));
  EXPECT_TRUE(archive.Judged().missing_histories.empty());
  archive.With(BackupOf("b", 1, 3, 4)).Lacks(1, 3);
  EXPECT_EQ(archive.Judged().missing_histories, std::vector<std::uint32_t>{2}) << "broken, and whole";
  EXPECT_EQ(archive.Judged().highest_timeline, 4U);
}

TEST(HistoriesTest, AStrayNameWithTheHighestTimelineCostsNothing) {
  const auto verdict = Store().Has(1, 1, 9).Has(0xFFFFFFFF, 3).With(BackupOf("a", 1, 1, 2)).Judged();
  EXPECT_EQ(verdict.highest_timeline, 0xFFFFFFFF);
  EXPECT_EQ(verdict.missing_histories.size(), ArchiveVerdict::kMostHistories);
  EXPECT_EQ(Store().Has(1, 1, 9).Has(0xFFFFFFFF, 3).Judged({1, {}}).missing_histories.size(), 0U);
}

TEST(HistoriesTest, AHigherTimelineIsToldAndNotFollowed) {
  const auto verdict =
      Store().Has(1, 1, 9).Has(2, 5, 30).History(2, {{1, 5.5}}).With(BackupOf("a", 1, 1, 2)).Judged({1, {}});
  EXPECT_EQ(Segments(verdict.proven_end), 10);
  EXPECT_EQ(verdict.timeline, 1U);
  EXPECT_EQ(verdict.highest_timeline, 2U);
}

TEST(WindowTest, BeginsWithTheOldestBackupOfItsMethodFromWhichTheChainReachesTheEnd) {
  auto snapshot = BackupOf("s", 1, 6, 7, 106);
  snapshot.method = BackupMethod::kSnapshot;
  auto archive = Store()
                     .Has(1, 1, 20)
                     .With(BackupOf("a", 1, 2, 3, 102))
                     .With(BackupOf("b", 1, 6, 7, 105))
                     .With(snapshot)
                     .With(BackupOf("c", 1, 12, 13, 112));
  const auto froms = [](const ArchiveVerdict& verdict) {
    std::vector<std::pair<std::size_t, double>> found;
    for (const auto& window : verdict.windows) found.emplace_back(window.from, Segments(window.end));
    return found;
  };
  using Froms = std::vector<std::pair<std::size_t, double>>;
  EXPECT_EQ(froms(archive.Judged()), (Froms{{0, 21}, {2, 21}}));
  archive.Lacks(1, 4);
  EXPECT_EQ(froms(archive.Judged()), (Froms{{1, 21}, {2, 21}}));
  archive.Lacks(1, 10);
  EXPECT_EQ(froms(archive.Judged()), (Froms{{3, 21}, {2, 10}})) << "the snapshot's own end";
  archive.contents.catalogue.backups[0].end_time.reset();
  archive.Has(1, 4).Has(1, 10);
  EXPECT_EQ(froms(archive.Judged()), (Froms{{1, 21}, {2, 21}})) << "an end that has no time begins no window";
  archive.contents.catalogue.backups[3].end_time = Hour(0);
  archive.contents.catalogue.backups[3].end_time.reset();
  EXPECT_EQ(froms(archive.Judged()), (Froms{{1, 21}, {2, 21}}));
}

struct FoundGap {
  std::uint64_t first = 0, last = 0;
  bool pending = false;
  friend bool operator==(const FoundGap&, const FoundGap&) = default;
};
using Gaps = std::vector<FoundGap>;

Gaps GapsOf(const Store& store, base::WallTime now = kNow) {
  Gaps gaps;
  for (const auto& gap : store.Judged({}, now).gaps) {
    EXPECT_EQ(gap.segments, gap.last.number - gap.first.number + 1);
    gaps.push_back({gap.first.number, gap.last.number, gap.pending});
  }
  return gaps;
}

TEST(GapTest, IsAMaximalRunOfMissingSegments) {
  const auto whole = Store().Has(1, 1, 20).With(BackupOf("a", 1, 3, 4));
  EXPECT_EQ(GapsOf(whole), Gaps{});
  const auto holes = Store(whole).Lacks(1, 6, 8).Lacks(1, 12).Confirmed(1, 6).Confirmed(1, 12);
  EXPECT_EQ(GapsOf(holes), (Gaps{{6, 8, false}, {12, 12, false}}));
}

TEST(GapTest, NoneIsCountedBeforeTheOldestWholeBackup) {
  const auto holes = Store().Has(1, 1, 20).Lacks(1, 2).Lacks(1, 6).Confirmed(1, 2).Confirmed(1, 6);
  EXPECT_EQ(GapsOf(holes), (Gaps{{2, 2, false}, {6, 6, false}})) << "without one: from the oldest stored segment";
  const auto kept = BackupOf("a", 1, 3, 4);
  EXPECT_EQ(GapsOf(Store(holes).With(kept)), (Gaps{{6, 6, false}}));
  auto other = BackupOf("b", 1, 1, 2);
  EXPECT_EQ(GapsOf(Store(holes).With(kept).With(other)).size(), 2U);
  other.flaws = {"empty"};
  EXPECT_EQ(GapsOf(Store(holes).With(kept).With(other)).size(), 1U) << "not whole";
  other = BackupOf("b", 2, 1, 2);
  EXPECT_EQ(Store(holes).With(kept).With(other).Judged({1, {}}).gaps.size(), 1U) << "not on the path";
  other = BackupOf("b", 1, 1, 2);
  other.keep = "standalone";
  EXPECT_EQ(GapsOf(Store(holes).With(kept).With(other)).size(), 1U) << "kept as it is: its WAL is pruned behind it";
  other.keep = "full";
  EXPECT_EQ(GapsOf(Store(holes).With(kept).With(other)).size(), 2U);
  other.self_contained = true;
  other.end = Pos(3.5);
  EXPECT_EQ(GapsOf(Store(holes).With(other)).size(), 1U) << "holds its own WAL";
}

TEST(GapTest, TheFirstSegmentsOfTheOldestBackupMayBeInIt) {
  EXPECT_EQ(GapsOf(Store().Has(1, 5, 9).Confirmed(1, 3).With(BackupOf("a", 1, 3, 4))), (Gaps{{3, 4, false}}));
}

TEST(GapTest, EndsAtTheNewestStoredSegment) {
  EXPECT_EQ(GapsOf(Store().Has(1, 1, 9).With(BackupOf("a", 1, 3, 4))), Gaps{}) << "nothing is stored behind 9";
}

TEST(GapTest, MayLieAcrossASwitch) {
  const auto store =
      Store().Has(1, 1, 3).Has(2, 8, 9).History(2, {{1, 5.5}}).Confirmed(1, 4).With(BackupOf("a", 1, 1, 2));
  const auto gaps = store.Judged().gaps;
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].first, (wal::Segment{1, 4}));
  EXPECT_EQ(gaps[0].last, (wal::Segment{2, 7}));
  EXPECT_EQ(gaps[0].segments, 4U);
  EXPECT_FALSE(gaps[0].pending);
}

TEST(GapTest, WhatTheParentOrTheChildHasBeyondTheSwitchFillsNone) {
  const auto store = Store()
                         .Has(1, 1, 9)
                         .Has(2, 2, 4)
                         .Has(2, 7, 9)
                         .Lacks(1, 4)
                         .History(2, {{1, 5.5}})
                         .Confirmed(1, 4)
                         .With(BackupOf("a", 1, 1, 2));
  EXPECT_EQ(GapsOf(store), (Gaps{{4, 6, false}}));
}

TEST(GapTest, IsPendingWhileItIsYoungOrWasNotLookedFor) {
  auto store = Store().Has(1, 1, 5).Has(1, 7, 7, kNow - minutes(5)).Has(1, 8, 9, kNow).With(BackupOf("a", 1, 1, 2));
  EXPECT_EQ(GapsOf(store), (Gaps{{6, 6, true}})) << "not confirmed";
  store.Confirmed(1, 6);
  EXPECT_EQ(GapsOf(store), (Gaps{{6, 6, false}})) << "as old as the first segment stored behind it";
  EXPECT_EQ(store.Judged().gaps[0].since, kNow - minutes(5));
  EXPECT_EQ(GapsOf(store, kNow - std::chrono::seconds(1)), (Gaps{{6, 6, true}}));
  store.terms.listing_interval = minutes(3);
  EXPECT_EQ(GapsOf(store), (Gaps{{6, 6, true}})) << "two listing intervals";
  EXPECT_EQ(Segments(store.Judged().proven_end), 6) << "nothing is proven beyond a pending one";
}

TEST(GapTest, SegmentsInAnArchiveTierAreThereAndEndTheChain) {
  const auto store = Store().Has(1, 1, 9).Archived(1, 5, 6).With(BackupOf("a", 1, 1, 2));
  EXPECT_EQ(GapsOf(store), Gaps{});
  EXPECT_EQ(Segments(store.Judged().proven_end), 5);
}

TEST(RunTest, HoldsTheProvenEndOrBeginsWithTheOldestStoredSegment) {
  const auto holed = Store().Has(1, 2, 5, Hour(2)).Has(1, 8, 12, Hour(3)).Has(1, 15, 20, Hour(4));
  EXPECT_EQ(Segments(holed.Judged().run_end), 6) << "without a backup";
  EXPECT_EQ(holed.Judged().run_stored, Hour(2));
  const auto restorable = Store(holed).With(BackupOf("a", 1, 9, 10));
  EXPECT_EQ(Segments(restorable.Judged().run_end), 13);
  EXPECT_EQ(restorable.Judged().run_stored, Hour(3));
  EXPECT_EQ(Segments(Store(holed).With(BackupOf("a", 1, 1, 3)).Judged().run_end), 6) << "a broken backup";
  auto own_wal = BackupOf("a", 1, 13, 14.5);
  own_wal.self_contained = true;
  EXPECT_EQ(Segments(Store(holed).With(own_wal).Judged().run_end), 13) << "the last run before the end of a backup";
  EXPECT_FALSE(Store().Judged().run_end);
}

TEST(PromotionTest, CountsTheTailOfTheOldTimelineThatNobodyArchived) {
  const auto store = Store().Has(1, 1, 5).Has(2, 9, 12).History(2, {{1, 9.5}}).With(BackupOf("a", 1, 1, 2));
  EXPECT_EQ(store.Judged().switch_missing_segments, 3U);
  EXPECT_EQ(Store(store).Has(1, 6, 8).Judged().switch_missing_segments, 0U);
  EXPECT_EQ(Store(store).Has(1, 7).Judged().switch_missing_segments, 2U);
  EXPECT_EQ(Store(store).With(BackupOf("b", 2, 10, 11)).Judged().switch_missing_segments, 0U) << "proven beyond it";
}

TEST(PromotionTest, CountsWhatIsStoredLatelyWhereThePathIsNot) {
  struct Case {
    const char* description;
    std::uint32_t timeline;
    std::uint64_t first, last;
    double left;  // where timeline 1 was left
    std::uint64_t late;
  };
  for (const auto& [description, timeline, first, last, left, late] : {
           Case{"up to the switch", 1, 1, 5, 5.5, 0},
           Case{"beyond it", 1, 1, 8, 5.5, 3},
           Case{"from the boundary on", 1, 1, 8, 5, 4},
           Case{"on a timeline that the path does not go over", 2, 5, 6, 5.5, 2},
           Case{"on the current one", 3, 5, 9, 5.5, 0},
       }) {
    auto store = Store().History(3, {{1, left}}).Has(timeline, first, last, kNow - minutes(10));
    EXPECT_EQ(store.Judged().late_segments, late) << description;
    EXPECT_EQ(store.Judged({}, kNow + minutes(6)).late_segments, 0U) << description << ", long ago";
  }
}

TEST(PromotionTest, WhatIsStoredOfTheNewestKnownTimelineIsNotLate) {
  EXPECT_EQ(Store().Has(1, 1, 9, kNow).Judged({2, {}}).late_segments, 0U) << "where it was left is not known yet";
}

TEST(ArchiveTest, AnEmptyOneHasNothing) {
  Store store;
  store.contents.wal.segment_size.reset();
  const auto verdict = store.Judged({7, {}});
  EXPECT_EQ(verdict.timeline, 7U);
  EXPECT_FALSE(verdict.proven_end || verdict.run_end);
  EXPECT_TRUE(verdict.gaps.empty() && verdict.windows.empty() && verdict.backups.empty());
}

// Two archives that barman-cloud wrote around a promotion (segments of 16 MiB there; here only the numbers matter).
TEST(SampleTest, APromotionAfterWhichTheOldTimelineWentOn) {
  auto standby = BackupOf("20261123T064957", 1, 10.1, 10.2);
  const auto verdict = Store()
                           .Has(1, 1, 0x16)
                           .Has(2, 0x14, 0x15)
                           .History(2, {{1, 20.4}})
                           .With(standby)
                           .With(BackupOf("20261123T065022", 1, 16.1, 16.2))
                           .Judged();
  EXPECT_EQ(Segments(verdict.proven_end), 0x16);
  EXPECT_EQ(verdict.proven_timeline, 2U);
  EXPECT_EQ(verdict.windows.at(0).from, 0U);
  EXPECT_TRUE(verdict.gaps.empty());
}

TEST(SampleTest, APromotionWhoseOldTailNeverCame) {
  auto store = Store().Has(1, 0x15).Has(2, 0x17, 0x19).History(2, {{1, 23.4}}).Confirmed(1, 0x16);
  store.contents.wal.partial[{1, 0x17}] = Hour(1);
  store.With(BackupOf("20261123T065152", 2, 24.1, 24.2));
  EXPECT_EQ(Segments(store.Judged().proven_end), 0x1A);
  EXPECT_TRUE(store.Judged().gaps.empty()) << "16 is missing for good, and no backup asks for it";
  store.With(BackupOf("before", 1, 21.1, 21.2));
  const auto verdict = store.Judged();
  EXPECT_EQ(verdict.gaps.size(), 1U);
  EXPECT_EQ(Segments(verdict.backups[1].reach), 0x16);
  EXPECT_EQ(verdict.windows.at(0).from, 0U) << "from the older one the end is out of reach";
}

}  // namespace
}  // namespace pgvigil::verdict
