// How recovery follows WAL along a path: the section "Positions and the path" of the definitions.
#include "verdict/chain.h"

#include <gtest/gtest.h>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::verdict {
namespace {

wal::Path PathOf(std::uint32_t timeline, const std::vector<Left>& left) {
  wal::History history{timeline, {}};
  for (const auto& [parent, at] : left) history.switches.push_back({parent, Pos(at), {}});
  return wal::Path(history);
}

TEST(FollowTest, TheSegmentOfASwitchIsReadOnTheChild) {
  struct Case {
    const char* description;
    double at;                       // where timeline 1 was left
    std::uint64_t parents, child_s;  // last of the parent, first of the child
    double end;
    wal::Segment missing;
  };
  for (const auto& [description, at, parents, child_s, end, missing] : {
           Case{"inside a segment, all there", 5.5, 4, 5, 10, {2, 10}},
           Case{"the parent's version is not asked for", 5.5, 5, 6, 5, {2, 5}},
           Case{"the parent ends too early", 5.5, 3, 5, 4, {1, 4}},
           Case{"at a boundary the parent needs all before it", 5, 4, 5, 10, {2, 10}},
           Case{"at a boundary the child's first is missing", 5, 5, 6, 5, {2, 5}},
       }) {
    Store store;
    store.Has(1, 1, parents).Has(2, child_s, 9);
    const auto chain = Follow(store.contents.wal.stored, PathOf(2, {{1, at}}), Pos(2), kSize);
    EXPECT_EQ(Segments(chain.end), end) << description;
    EXPECT_EQ(chain.first_missing, missing) << description;
  }
}

TEST(FollowTest, OfTwoSwitchesInOneSegmentOnlyTheLastTimelineIsRead) {
  Store store;
  store.Has(1, 1, 4).Has(3, 5, 7);
  const auto path = PathOf(3, {{1, 5.25}, {2, 5.5}});
  EXPECT_EQ(Segments(Follow(store.contents.wal.stored, path, Pos(1), kSize).end), 8);
  EXPECT_EQ(FirstNumber(path, 1, kSize), EndNumber(path, 1, kSize)) << "nothing is read on timeline 2";
}

TEST(FollowTest, TellsWhenTheLastSegmentBeforeItsEndWasStored) {
  Store store;
  store.Has(1, 1, 3, Hour(1)).Has(1, 4, 4, Hour(2)).Has(2, 5, 5, Hour(3));
  const auto stored = [&](const wal::Path& path, double from) {
    return Follow(store.contents.wal.stored, path, Pos(from), kSize).last_stored;
  };
  EXPECT_EQ(stored(PathOf(2, {{1, 5.5}}), 1), Hour(3));
  EXPECT_EQ(stored(wal::Path(), 1), Hour(2));
  EXPECT_FALSE(stored(wal::Path(), 7)) << "none was stored";
  EXPECT_FALSE(stored(PathOf(3, {{1, 3.5}}), 1)) << "2 is inside its interval";
  store.Has(2, 6, 9);
  EXPECT_FALSE(stored(PathOf(3, {{1, 5}, {2, 7.5}}), 1)) << "and so is 6";
}

TEST(FollowTest, HoldsForTheHighestPositionsThereAre) {
  constexpr auto kHighest = (std::uint64_t{1} << 32) * 4096 - 1;
  Store store;
  store.Has(1, kHighest);
  const auto chain = Follow(store.contents.wal.stored, wal::Path(), wal::Lsn{kHighest * kSize.bytes()}, kSize);
  EXPECT_EQ(chain.first_missing.number, kHighest + 1);
}

// What SQL saw: where timelines began. 0: it does not know the current one.
KnownPath Seen(std::uint32_t timeline, const std::vector<Left>& begins) {
  KnownPath known;
  if (timeline > 0) known.timeline = timeline;
  for (const auto& [began, at] : begins) known.switches[began] = Pos(at);
  return known;
}

TEST(PathTest, IsTheNewestReadableHistorysContinuedByWhatSqlSawOrWhatIsStored) {
  struct Case {
    const char* description;
    Store store;
    std::uint32_t timeline;
    std::vector<Left> seen;
    std::vector<Left> begins;  // of the legs
  };
  for (const auto& [description, store, timeline, seen, begins] : std::vector<Case>{
           {"timeline 1 has no history", Store(), 0, {}, {{1, 0}}},
           {"the current one's", Store().History(3, {{1, 4}, {2, 6}}), 3, {}, {{1, 0}, {2, 4}, {3, 6}}},
           {"not a higher one's", Store().History(2, {{1, 4}}).History(3, {{1, 5}}), 2, {}, {{1, 0}, {2, 4}}},
           {"without SQL the highest stored is current", Store().History(2, {{1, 4}}), 0, {}, {{1, 0}, {2, 4}}},
           {"SQL saw it begin", Store().History(2, {{1, 4}}), 3, {{3, 6.5}}, {{1, 0}, {2, 4}, {3, 6.5}}},
           {"at the very same position", Store().History(2, {{1, 4}}), 3, {{3, 4}}, {{1, 0}, {2, 4}, {3, 4}}},
           {"before the branch that has a history", Store().History(2, {{1, 4}}), 3, {{3, 3.5}}, {{1, 0}, {3, 3.5}}},
           {"its first segment is stored", Store().Has(1, 1, 9).Has(2, 6, 9), 2, {}, {{1, 0}, {2, 6}}},
           {"and lies before the branch", Store().History(2, {{1, 6}}).Has(3, 4, 9), 3, {}, {{1, 0}, {3, 4}}},
           {"SQL knows better than it", Store().Has(2, 6, 9), 2, {{2, 5.5}}, {{1, 0}, {2, 5.5}}},
           {"an unreadable history tells nothing", Store().UnreadableHistory(2), 2, {{2, 8}}, {{1, 0}, {2, 8}}},
           {"nothing tells where it began", Store().Has(1, 1, 9), 2, {}, {{1, 0}}},
           {"a branch that began before the known legs is not between them",
            Store().History(2, {{1, 6}}).Has(3, 2, 3).Has(4, 8, 9),
            4,
            {},
            {{1, 0}, {2, 6}, {4, 8}}},
       }) {
    const auto path = FindPath(store.contents.wal, Seen(timeline, seen));
    std::vector<Left> found;
    for (const auto& leg : path.path.legs()) found.emplace_back(leg.timeline, Segments(leg.begin));
    EXPECT_EQ(found, begins) << description;
  }
}

// The cluster went 1, 2, 5; timelines 3 and 4 were left. All histories are there unless said.
TEST(ReachableTest, LatestProbesOneTimelineAfterTheOther) {
  const auto store = Store()
                         .History(2, {{1, 4.5}})
                         .History(3, {{1, 4.5}, {2, 6.5}})
                         .History(4, {{1, 3.5}})
                         .History(5, {{1, 4.5}, {2, 8.5}});
  struct Case {
    const char* description;
    std::vector<std::uint32_t> missing;
    std::vector<std::uint32_t> unreadable;
    std::uint32_t from;
    double end;           // -1: none
    std::uint32_t named;  // 0: none
  };
  for (const auto& [description, missing, unreadable, from, end, named] : std::vector<Case>{
           Case{"all there", {}, {}, 1, -1, 0},
           Case{"the first is missing: the end is the switch it describes", {2}, {}, 1, 4.5, 2},
           Case{"behind the missing one", {2}, {}, 2, -1, 0},
           Case{"that of a branch: latest stops before it", {3}, {}, 1, 8.5, 3},
           Case{"behind a branch: latest follows that", {4}, {}, 1, 6.5, 4},
           Case{"the same from timeline 2", {4}, {}, 2, 6.5, 4},
           Case{"those between cannot be read: they are only probed", {}, {2, 3, 4}, 1, -1, 0},
           Case{"the one that is followed cannot be read", {4}, {3}, 1, 8.5, 3},
           Case{"nor the one before it", {4}, {2, 3}, 1, 4.5, 2},
       }) {
    auto archive = store;
    for (const auto timeline : missing) archive.contents.wal.histories.erase(timeline);
    for (const auto timeline : unreadable) archive.UnreadableHistory(timeline);
    const auto reachable = ReachableFrom(from, FindPath(archive.contents.wal, Seen(5, {})), archive.contents.wal);
    EXPECT_EQ(Segments(reachable.end), end) << description;
    EXPECT_EQ(reachable.missing_history.value_or(0), named) << description;
  }
}

TEST(ReachableTest, TheNewestHistoryIsNeededByAllButItsOwnBackups) {
  for (const bool unreadable : {false, true}) {
    auto store = Store().History(2, {{1, 4.5}});
    if (unreadable) store.UnreadableHistory(3);
    const auto path = FindPath(store.contents.wal, Seen(3, {{3, 6.5}}));
    EXPECT_EQ(Segments(ReachableFrom(1, path, store.contents.wal).end), 6.5);
    EXPECT_EQ(ReachableFrom(2, path, store.contents.wal).missing_history, 3U);
    EXPECT_FALSE(ReachableFrom(3, path, store.contents.wal).end);
  }
}

TEST(ReachableTest, AHistoryThatTellsOfAnotherBeginningProvesNothing) {
  const auto store = Store().History(3, {{2, 4}}).History(5, {{1, 4.5}, {2, 8.5}});
  EXPECT_EQ(Segments(ReachableFrom(2, FindPath(store.contents.wal, Seen(5, {})), store.contents.wal).end), 0);
}

TEST(ReachableTest, ATimelineWithoutItsHistoryIsReadAlone) {
  Store store;
  store.Has(1, 1, 5).Has(2, 5, 9);
  const auto path = FindPath(store.contents.wal, Seen(2, {{2, 5.5}}));
  const auto reachable = ReachableFrom(2, path, store.contents.wal);
  EXPECT_FALSE(reachable.end);
  EXPECT_EQ(Segments(ReachableFrom(2, {wal::Path(), 3}, {}).end), 0) << "unless it is none that is known";
  ASSERT_EQ(reachable.path.legs().size(), 1U);
  EXPECT_EQ(reachable.path.timeline(), 2U);
}

}  // namespace
}  // namespace pgvigil::verdict
