// "A backup is restorable", sentence by sentence.
#include "verdict/backup_state.h"

#include <gtest/gtest.h>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::verdict {
namespace {

using cluster::BackupMethod;
using cluster::BackupOutcome;
using std::chrono::hours;

// On timeline 1, with the WAL from 1 to 20.
Store Whole() { return Store().Has(1, 1, 20); }

std::string StateOf(const Store& store, std::size_t index = 0, const KnownPath& known = {}) {
  return std::string(Name(store.Judged(known).backups.at(index).state));
}

TEST(BackupStateTest, IsRestorableIfItsMetadataStructureAndWalAreWhole) {
  const auto verdict = Whole().With(BackupOf("a", 1, 3.5, 5.25)).Judged();
  EXPECT_EQ(verdict.backups[0].state, BackupState::kRestorable);
  EXPECT_EQ(verdict.backups[0].why, "");
  EXPECT_EQ(Segments(verdict.backups[0].reach), 21);
}

TEST(BackupStateTest, SaysWhyItIsNot) {
  struct Case {
    const char* why;
    const char* state;
    void (*spoil)(cluster::Backup&);
  };
  for (const auto& [why, state, spoil] : {
           Case{"the tool calls it failed", "failed", [](auto& b) { b.outcome = BackupOutcome::kFailed; }},
           Case{"no space left", "failed",
                [](auto& b) {
                  b.outcome = BackupOutcome::kFailed;
                  b.error = "no space left";
                }},
           Case{"its metadata cannot be read: line 3", "broken",
                [](auto& b) {
                  b.outcome = BackupOutcome::kUnreadable;
                  b.error = "line 3";
                }},
           Case{"data part 2 is missing; 16388.tar is empty", "broken",
                [](auto& b) { b.flaws = {"data part 2 is missing", "16388.tar is empty"}; }},
           Case{"its files lie in an archive tier", "archived_tier", [](auto& b) { b.in_archive_tier = true; }},
           Case{"it needs backup x, which is not there", "broken", [](auto& b) { b.needs = {"x"}; }},
           Case{"it refers to itself", "broken", [](auto& b) { b.flaws = {"it refers to itself"}; }},
           Case{"which WAL it needs is not known", "broken", [](auto& b) { b.end.reset(); }},
           Case{"which WAL it needs is not known", "broken", [](auto& b) { b.begin_timeline = 0; }},
           Case{"taken on timeline 2 up to 0/500000, which is no part of the cluster's history", "broken",
                [](auto& b) { b.begin_timeline = b.end_timeline = 2; }},
       }) {
    auto backup = BackupOf("a", 1, 3.5, 5);
    spoil(backup);
    const auto judged = Whole().With(backup).Judged({{1}, {}}).backups[0];
    EXPECT_EQ(Name(judged.state), state) << why;
    EXPECT_EQ(judged.why, why);
    EXPECT_FALSE(judged.reach) << why;
  }
}

TEST(BackupStateTest, EverySegmentFromItsBeginToItsEndIsNeededAndNoOther) {
  for (std::uint64_t number = 1; number <= 8; ++number) {
    for (const double end : {5.25, 6.0}) {  // at a boundary the segment behind is not needed
      const auto judged = Whole().Lacks(1, number).With(BackupOf("a", 1, 3.5, end)).Judged().backups[0];
      const bool needed = number >= 3 && number <= 5;
      EXPECT_EQ(judged.state == BackupState::kRestorable, !needed) << number;
      if (!needed) continue;
      EXPECT_EQ(judged.first_missing, (wal::Segment{1, number}));
      EXPECT_EQ(judged.why, "its WAL segment 00000001000000000000000" + std::to_string(number) + " is not stored");
    }
  }
}

TEST(BackupStateTest, AnotherClustersBackupIsNotRestorable) {
  auto backup = BackupOf("a", 1, 3.5, 5.25);
  backup.system_identifier = "7001";
  const auto store = Whole().With(backup);
  KnownPath known;
  EXPECT_EQ(store.Judged(known).backups[0].state, BackupState::kRestorable) << "whose the cluster is, is not known";
  known.system_identifier = "7001";
  EXPECT_EQ(store.Judged(known).backups[0].state, BackupState::kRestorable);
  known.system_identifier = "7000";
  const auto judged = store.Judged(known);
  EXPECT_EQ(judged.backups[0].state, BackupState::kBroken);
  EXPECT_EQ(judged.backups[0].why, "of another cluster: its system identifier is 7001, expected 7000");
  EXPECT_FALSE(judged.proven_end);
}

TEST(BackupStateTest, WhatDoesNotCountAsStoredIsMissing) {
  auto store = Whole().Lacks(1, 4).With(BackupOf("a", 1, 3.5, 5.25));
  store.contents.wal.partial[{1, 4}] = Hour(1);
  EXPECT_EQ(store.Judged().backups[0].why, "its WAL segment 000000010000000000000004 is not stored");
  store.contents.wal.bad[{1, 4}] = {1000, Hour(1), {}};
  EXPECT_EQ(store.Judged().backups[0].why, "its WAL segment 000000010000000000000004 is empty or cut short");
  EXPECT_EQ(StateOf(store), "broken");
  store.contents.wal.bad[{1, 4}].damage = "it does not begin as WAL does";
  EXPECT_EQ(store.Judged().backups[0].why,
            "its WAL segment 000000010000000000000004 is damaged: it does not begin as WAL does");
  store.Archived(1, 4, 4);
  EXPECT_EQ(store.Judged().backups[0].why, "its WAL segment 000000010000000000000004 lies in an archive tier");
  EXPECT_EQ(StateOf(store), "archived_tier");
}

TEST(BackupStateTest, AStandbysMayBeginOnTheParentAndEndOnTheChild) {
  auto backup = BackupOf("a", 1, 3.5, 6.25);
  backup.end_timeline = 2;
  const auto store = Store().Has(1, 1, 4).Has(2, 5, 9).History(2, {{1, 5.5}}).With(backup);
  EXPECT_EQ(Segments(store.Judged().backups[0].reach), 10);
  auto without_history = store;
  without_history.contents.wal.histories.clear();
  EXPECT_EQ(without_history.Judged({{2}, {{2, Pos(5.5)}}}).backups[0].why,
            "its WAL segment 000000010000000000000005 is not stored");
  without_history.Has(1, 5, 9);
  EXPECT_EQ(without_history.Judged({{2}, {{2, Pos(5.5)}}}).backups[0].why,
            "it ends beyond the switch to timeline 2, whose history is not stored");
  without_history.UnreadableHistory(2);
  EXPECT_EQ(without_history.Judged({{2}, {{2, Pos(5.5)}}}).backups[0].why,
            "it ends beyond the switch to timeline 2, whose history cannot be read");
}

TEST(BackupStateTest, BelongsToThePathOnlyIfItEndsBeforeThePathLeavesItsTimeline) {
  struct Case {
    std::uint32_t timeline;
    double end;
    const char* state;
  };
  for (const auto& [timeline, end, state] : {
           Case{1, 5.25, "restorable"},
           Case{1, 5.5, "restorable"},  // exactly there
           Case{1, 5.75, "broken"},
           Case{2, 5.75, "broken"},  // the path goes 1, 3
           Case{3, 5.75, "restorable"},
       }) {
    const auto store = Store().Has(1, 1, 9).Has(2, 5, 9).Has(3, 5, 9).History(2, {{1, 5.5}}).History(3, {{1, 5.5}});
    EXPECT_EQ(StateOf(Store(store).With(BackupOf("a", timeline, 5.0 + (timeline > 1 ? 0.5 : 0), end))), state)
        << timeline << " " << end;
  }
}

TEST(BackupStateTest, BelongsToThePathOnTheCurrentTimelineThoughNothingTellsWhereThatBegan) {
  auto backup = BackupOf("a", 2, 30, 31);
  backup.self_contained = true;
  EXPECT_EQ(StateOf(Whole().With(backup), 0, {2, {}}), "restorable");
  EXPECT_EQ(StateOf(Whole().With(backup), 0, {3, {}}), "broken");
}

TEST(BackupStateTest, OneThatHoldsItsOwnWalNeedsNoneForItself) {
  auto backup = BackupOf("a", 1, 3.5, 5.25);
  backup.self_contained = true;
  EXPECT_EQ(Segments(Whole().Lacks(1, 1, 4).With(backup).Judged().backups[0].reach), 21) << "rolls forward";
  EXPECT_EQ(Segments(Whole().Lacks(1, 5).With(backup).Judged().backups[0].reach), 5.25) << "its own end";
  Store no_wal;
  no_wal.contents.wal.segment_size.reset();
  EXPECT_EQ(Segments(Store(no_wal).With(backup).Judged().backups[0].reach), 5.25);
  EXPECT_EQ(StateOf(Store(no_wal).With(BackupOf("b", 1, 3.5, 5))), "broken") << "not self-contained";
  backup.begin.reset();
  const auto dump = Whole().With(backup).Judged();
  EXPECT_EQ(dump.backups[0].state, BackupState::kRestorable);
  EXPECT_FALSE(dump.backups[0].reach) << "a cold snapshot, a dump: it rolls nowhere";
  EXPECT_FALSE(dump.proven_end);
}

TEST(BackupStateTest, ASnapshotNeedsItsWalAndEveryMemberReady) {
  auto snapshot = BackupOf("a", 1, 3.5, 5.25);
  snapshot.method = BackupMethod::kSnapshot;
  EXPECT_EQ(StateOf(Whole().With(snapshot)), "restorable");
  EXPECT_EQ(StateOf(Whole().Lacks(1, 4).With(snapshot)), "broken");
  snapshot.flaws = {"the snapshot of volume pg-wal is not ready"};
  EXPECT_EQ(StateOf(Whole().With(snapshot)), "broken");
}

// full <- diff <- incr, and one that stands alone.
Store Chain() {
  auto diff = BackupOf("diff", 1, 6, 7);
  diff.needs = {"full"};
  auto incr = BackupOf("incr", 1, 8, 9);
  incr.needs = {"diff", "full"};
  return Whole().With(BackupOf("full", 1, 3, 4)).With(diff).With(incr).With(BackupOf("alone", 1, 10, 11));
}

TEST(BackupStateTest, EveryBackupThatItRefersToMustBeRestorable) {
  EXPECT_EQ(StateOf(Chain(), 2), "restorable");
  auto broken = Chain().Lacks(1, 3);
  EXPECT_EQ(broken.Judged().backups[1].why,
            "it needs backup full: its WAL segment 000000010000000000000003 is not stored");
  EXPECT_EQ(broken.Judged().backups[2].why, broken.Judged().backups[1].why) << "the root is named, not the way to it";
  EXPECT_EQ(StateOf(broken, 3), "restorable");
  for (const auto outcome : {BackupOutcome::kFailed, BackupOutcome::kStarted, BackupOutcome::kNoMetadata}) {
    auto store = Chain();
    store.contents.catalogue.backups[0].outcome = outcome;
    EXPECT_EQ(StateOf(store, 2), "broken");
  }
}

TEST(BackupStateTest, WhatNeedsAnArchivedOneIsArchivedUnlessSomethingElseIsBroken) {
  auto store = Chain();
  store.contents.catalogue.backups[0].in_archive_tier = true;
  EXPECT_EQ(StateOf(store, 1), "archived_tier");
  EXPECT_EQ(StateOf(store, 2), "archived_tier");
  store.contents.catalogue.backups[1].flaws = {"data part 2 is missing"};
  EXPECT_EQ(StateOf(store, 2), "broken");
}

TEST(BackupStateTest, ACycleOfReferencesIsBroken) {
  auto store = Chain();
  store.contents.catalogue.backups[0].needs = {"incr"};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(StateOf(store, i), "broken") << i;
  EXPECT_EQ(StateOf(store, 3), "restorable");
  store.contents.catalogue.backups[3].needs = {"alone"};
  EXPECT_EQ(store.Judged().backups[3].why, "it needs backup alone: it refers to itself");
}

TEST(BackupStateTest, AnAbsurdlyLongChainEndsWithoutHarm) {
  Store store = Whole();
  for (int i = 0; i < 100'000; ++i) {
    auto backup = BackupOf(std::to_string(i), 1, 3, 4);
    backup.needs = {std::to_string(i + 1)};
    store.With(backup);
  }
  EXPECT_EQ(StateOf(store), "broken");
}

struct Unfinished {
  const char* description;
  double began;  // hours ago
  double median;
  std::optional<double> later;  // another began that long ago, and ended
  bool runs;
};

TEST(BackupStateTest, OneWithoutAnEndRunsUntilItsTimeIsUpOrALaterOneFinished) {
  for (const auto& [description, began, median, later, runs] : {
           Unfinished{"young", 1, 1, {}, true},
           Unfinished{"24 hours", 24, 1, {}, true},
           Unfinished{"more", 24.1, 1, {}, false},
           Unfinished{"three times the median of 10 hours", 30, 10, {}, true},
           Unfinished{"more than that", 30.1, 10, {}, false},
           Unfinished{"a later one finished", 2, 1, 1, false},
           Unfinished{"one that began with it finished", 2, 1, 2, true},
           Unfinished{"an earlier one finished after it had begun", 2, 1, 2.5, true},
       }) {
    for (const auto outcome : {BackupOutcome::kStarted, BackupOutcome::kNoMetadata}) {
      auto store = Whole();
      for (const double day : {100, 200, 300}) {
        auto ended = BackupOf(std::to_string(day), 1, 3, 4, day);
        ended.begin_time = Hour(day - (day == 200 ? median : day == 100 ? 0.1 : 20));
        store.With(ended);
      }
      auto unfinished = BackupOf("u", 1, 3, 4);
      unfinished.outcome = outcome;
      unfinished.end_time.reset();
      unfinished.begin_time.reset();
      // One without metadata is as old as its first upload.
      (outcome == BackupOutcome::kStarted ? unfinished.begin_time : unfinished.first_stored) = Hour(1000 - began);
      store.With(unfinished);
      if (later) {
        auto other = BackupOf("later", 1, 5, 6, 1000 - *later + 1);
        other.begin_time = Hour(1000 - *later);
        if (median == 1) other.end_time = other.begin_time.value() + hours(1);
        store.With(other);
      }
      const auto* ended_as = outcome == BackupOutcome::kStarted ? "failed" : "orphan";
      EXPECT_EQ(StateOf(store, 3), runs ? "running" : ended_as) << description;
    }
  }
}

TEST(BackupStateTest, ALaterOneOfAnotherMethodSaysNothing) {
  auto running = BackupOf("a", 1, 3, 4, 999);
  running.outcome = BackupOutcome::kStarted;
  auto snapshot = BackupOf("b", 1, 5, 6, 1000);
  snapshot.method = BackupMethod::kSnapshot;
  EXPECT_EQ(StateOf(Whole().With(running).With(snapshot)), "running");
}

TEST(BackupStateTest, OneOfUnknownAgeIsNotRunning) {
  auto backup = BackupOf("a", 1, 3, 4);
  backup.outcome = BackupOutcome::kStarted;
  backup.begin_time.reset();
  EXPECT_EQ(StateOf(Whole().With(backup)), "failed");
}

}  // namespace
}  // namespace pgvigil::verdict
