#include "wal/segment_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace pgvigil::wal {

static bool operator==(const Interval& a, const Interval& b) {
  return a.timeline == b.timeline && a.first == b.first && a.last == b.last && a.first_stored == b.first_stored &&
         a.last_stored == b.last_stored;
}

static void PrintTo(const Interval& interval, std::ostream* out) {
  *out << interval.timeline << ":" << interval.first << "-" << interval.last << " stored "
       << interval.first_stored.time_since_epoch().count() << "-" << interval.last_stored.time_since_epoch().count();
}

namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

base::WallTime At(int microseconds) { return base::WallTime{std::chrono::microseconds{microseconds}}; }

using Intervals = std::vector<Interval>;

TEST(SegmentSetTest, NeighboursAreOneIntervalInWhateverOrderTheyCome) {
  for (const auto& order : {std::vector{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}}) {
    SegmentSet set;
    for (const int number : order) set.Add({1, static_cast<std::uint64_t>(number)}, At(number * 10));
    EXPECT_EQ(set.Intervals(), (Intervals{{1, 1, 3, At(10), At(30)}}));
  }
}

TEST(SegmentSetTest, ATimelineNeverContinuesAnother) {
  SegmentSet set;
  set.Add({1, 5}, At(1));
  set.Add({2, 6}, At(2));
  set.Add({2, 4}, At(3));
  EXPECT_EQ(set.interval_count(), 3U);
  EXPECT_EQ(set.Timelines(), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(set.Last(1), (Segment{1, 5}));
  EXPECT_EQ(set.First(2), (Segment{2, 4}));
  EXPECT_EQ(set.Last(3), std::nullopt);
  EXPECT_EQ(set.NextFrom(1, 6), std::nullopt);
}

TEST(SegmentSetTest, AddedAgainAnEndHasANewTimeAndTheMiddleHasNone) {
  SegmentSet set;
  for (const std::uint64_t number : {1, 2, 3}) set.Add({1, number}, At(0));
  set.Add({1, 2}, At(7));
  EXPECT_EQ(set.Intervals(), (Intervals{{1, 1, 3, At(0), At(0)}}));
  set.Add({1, 1}, At(8));
  set.Add({1, 3}, At(9));
  EXPECT_EQ(set.Intervals(), (Intervals{{1, 1, 3, At(8), At(9)}}));
}

TEST(SegmentSetTest, WhereItIsCutTheNearerEndLendsItsTime) {
  SegmentSet set;
  for (std::uint64_t number = 0; number < 10; ++number) set.Add({1, number}, At(static_cast<int>(number)));
  set.Remove({1, 2});
  EXPECT_EQ(set.Intervals(), (Intervals{{1, 0, 1, At(0), At(0)}, {1, 3, 9, At(0), At(9)}}));
  set.RemoveRange(1, 9, 9);
  set.RemoveRange(1, 8, 100);
  EXPECT_EQ(set.Intervals(1), (Intervals{{1, 0, 1, At(0), At(0)}, {1, 3, 7, At(0), At(9)}}));
}

TEST(SegmentSetTest, HoldsTheFirstAndTheLastNumberThatThereIs) {
  SegmentSet set;
  for (const std::uint64_t number : {kMost, std::uint64_t{0}, kMost - 1, std::uint64_t{1}}) set.Add({1, number}, At(1));
  set.Add({2, 0}, At(2));
  EXPECT_EQ(set.Intervals(1), (Intervals{{1, 0, 1, At(1), At(1)}, {1, kMost - 1, kMost, At(1), At(1)}}));
  EXPECT_TRUE(set.Contains({1, kMost}));
  set.RemoveRange(1, 1, kMost);
  EXPECT_EQ(set.Intervals(), (Intervals{{1, 0, 0, At(1), At(1)}, {2, 0, 0, At(2), At(2)}}));
}

TEST(SegmentSetTest, AMillionSegmentsInARowAreOneInterval) {
  SegmentSet set;
  for (std::uint64_t number = 0; number < 1'000'000; ++number) set.Add({1, number}, At(1));
  EXPECT_EQ(set.interval_count(), 1U);
  EXPECT_EQ(set.size(), 1'000'000U);
}

// The same by single segments: every run and every time is found anew after each change.
class Model {
 public:
  void Add(const Segment& segment, base::WallTime stored) {
    members_.insert(segment);
    Regroup([&](const Segment& end) { return end == segment ? stored : StoredNear(end); });
  }

  void RemoveRange(std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
    std::erase_if(members_, [&](const Segment& one) {
      return one.timeline == timeline && first <= one.number && one.number <= last;
    });
    Regroup([&](const Segment& end) { return StoredNear(end); });
  }

  const Intervals& runs() const { return runs_; }
  const std::set<Segment>& members() const { return members_; }

 private:
  template <typename TimeOf>
  void Regroup(TimeOf time_of) {
    Intervals found;
    for (const auto& one : members_) {
      const bool goes_on =
          !found.empty() && found.back().timeline == one.timeline && found.back().last + 1 == one.number;
      if (!goes_on) found.push_back({one.timeline, one.number, one.number, time_of(one), {}});
      found.back().last = one.number;
    }
    for (auto& run : found) run.last_stored = time_of({run.timeline, run.last});
    runs_ = std::move(found);
  }

  base::WallTime StoredNear(const Segment& segment) const {
    for (const auto& run : runs_) {
      if (run.timeline != segment.timeline || segment.number < run.first || segment.number > run.last) continue;
      return segment.number - run.first <= run.last - segment.number ? run.first_stored : run.last_stored;
    }
    return {};
  }

  std::set<Segment> members_;
  Intervals runs_;
};

void ExpectSameAnswers(const SegmentSet& set, const Model& model, const Segment& asked) {
  const auto holds = [&](const Interval& run) {
    return run.timeline == asked.timeline && run.first <= asked.number && asked.number <= run.last;
  };
  std::optional<Interval> own;
  std::optional<Interval> next;
  std::optional<Segment> first;
  std::optional<Segment> last;
  Intervals of_timeline;
  for (const auto& run : model.runs()) {
    if (holds(run)) own = run;
    if (run.timeline != asked.timeline) continue;
    if (run.first >= asked.number && !next) next = run;
    if (!first) first = Segment{run.timeline, run.first};
    last = Segment{run.timeline, run.last};
    of_timeline.push_back(run);
  }
  ASSERT_EQ(set.Contains(asked), model.members().contains(asked));
  ASSERT_EQ(set.IntervalOf(asked), own);
  ASSERT_EQ(set.NextFrom(asked.timeline, asked.number), next);
  ASSERT_EQ(set.First(asked.timeline), first);
  ASSERT_EQ(set.Last(asked.timeline), last);
  ASSERT_EQ(set.Intervals(asked.timeline), of_timeline);
}

TEST(SegmentSetTest, AgreesWithSingleSegmentsOverAHundredThousandChanges) {
  std::mt19937 random(20260101);
  const auto up_to = [&random](std::uint64_t most) { return random() % (most + 1); };
  SegmentSet set;
  Model model;
  for (int change = 0; change < 100'000; ++change) {
    const auto timeline = static_cast<std::uint32_t>(1 + up_to(2));
    const auto base = timeline == 3 ? kMost - 24 : 0;  // one lies at the end of all numbers
    const Segment segment{timeline, base + up_to(24)};
    if (const auto dice = up_to(99); dice < 60) {
      set.Add(segment, At(change));
      model.Add(segment, At(change));
    } else if (dice < 90) {
      set.Remove(segment);
      model.RemoveRange(timeline, segment.number, segment.number);
    } else {
      const auto last = dice == 99 ? kMost : base + up_to(24);
      set.RemoveRange(timeline, segment.number, last);
      model.RemoveRange(timeline, segment.number, last);
    }
    ASSERT_EQ(set.Intervals(), model.runs()) << change;
    ASSERT_EQ(set.size(), model.members().size());
    ASSERT_EQ(set.empty(), model.members().empty());
    ExpectSameAnswers(set, model, {static_cast<std::uint32_t>(1 + up_to(3)), base + up_to(24)});
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << change;
  }
}

}  // namespace
}  // namespace pgvigil::wal
