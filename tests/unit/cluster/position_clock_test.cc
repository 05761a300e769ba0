#include "cluster/position_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace pgvigil::cluster {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

base::SteadyTime At(double second) {
  return base::SteadyTime(hours(1000)) +
         std::chrono::duration_cast<base::SteadyTime::duration>(std::chrono::duration<double>(second));
}

wal::Lsn Lsn(std::uint64_t bytes) { return {bytes}; }

PositionSample Sample(double second, std::uint64_t flushed, std::uint64_t xid = 1, std::uint32_t timeline = 1) {
  const auto wall =
      base::WallTime(std::chrono::duration_cast<base::WallTime::duration>(std::chrono::duration<double>(second)));
  return {At(second), wall, timeline, Lsn(flushed), xid};
}

PositionClock Clock(const std::vector<PositionSample>& samples) {
  PositionClock clock;
  for (const auto& sample : samples) clock.Add(sample);
  return clock;
}

TEST(PositionClockTest, FlushPositionIsLinearBetweenSamples) {
  const auto clock = Clock({Sample(0, 1000), Sample(10, 2000), Sample(20, 4000)});
  struct Case {
    double second;
    std::optional<wal::Lsn> flushed;
  };
  for (const auto& [second, flushed] :
       {Case{-0.1, std::nullopt}, Case{0, Lsn(1000)}, Case{5, Lsn(1500)}, Case{10, Lsn(2000)}, Case{15, Lsn(3000)},
        Case{20, Lsn(4000)}, Case{500, Lsn(4000)}}) {
    EXPECT_EQ(clock.FlushedAt(At(second)), flushed) << second;
  }
  EXPECT_FALSE(PositionClock().FlushedAt(At(0)));
}

TEST(PositionClockTest, APositionWasHeldUntilTheServerPassedIt) {
  const auto clock = Clock({Sample(0, 1000), Sample(10, 2000), Sample(20, 4000)});
  struct Case {
    const char* description;
    std::uint64_t position;
    double at;
    std::optional<double> held;
  };
  for (const auto& [description, position, at, held] : {
           Case{"before the oldest sample nothing is known", 999, 20, std::nullopt},
           Case{"the oldest one", 1000, 20, 0},
           Case{"linear between samples", 1500, 20, 5},
           Case{"a sampled one", 2000, 20, 10},
           Case{"not passed yet", 4000, 33, 33},
           Case{"ahead of what was sampled", 9000, 33, 33},
           Case{"never later than the moment asked for", 3000, 12, 12},
       }) {
    const auto found = clock.LastHeld(Lsn(position), At(at));
    ASSERT_EQ(found.has_value(), held.has_value()) << description;
    if (held) {
      EXPECT_EQ(*found, At(*held)) << description;
    }
  }
  EXPECT_FALSE(PositionClock().LastHeld(Lsn(1), At(0)));
}

TEST(PositionClockTest, ARestingPositionWasHeldUntilTheLastTimeItWasSeen) {
  auto clock = Clock({Sample(0, 1000), Sample(1, 2000)});
  for (int second = 2; second <= 600; ++second) clock.Add(Sample(second, 2000));
  EXPECT_EQ(clock.size(), 3U);  // first and last sight of it are enough
  EXPECT_EQ(clock.newest_seen(), At(600));
  clock.Add(Sample(601, 3000));
  EXPECT_EQ(clock.LastHeld(Lsn(2000), At(700)), At(600));
  EXPECT_EQ(clock.LastHeld(Lsn(2500), At(700)), At(600.5));
  EXPECT_EQ(clock.FlushedAt(At(300)), Lsn(2000));
}

TEST(PositionClockTest, StepsAreOneSecondForTenMinutesTenForTwoHoursSixtyForTwoDays) {
  PositionClock clock;
  constexpr int kSeconds = 60 * 3600;  // longer than anything is kept
  for (int second = 0; second <= kSeconds; ++second) {
    clock.Add(Sample(second, 1'000'000 + 1000ULL * static_cast<unsigned>(second)));
  }
  // 600 + 660 + 2,760 by the steps, and at most what came since the last pass.
  EXPECT_LE(clock.size(), 4020U + 64U + 4U);
  EXPECT_GE(clock.size(), 4000U);

  const double oldest = base::Seconds(clock.newest().at - clock.oldest().at);
  EXPECT_GE(oldest, 48 * 3600);
  EXPECT_LE(oldest, 48 * 3600 + 60 + 64);

  // It still tells the time of any position within the step that holds at that age.
  for (const double age : {0.0, 1.25, 599.0, 700.0, 7000.0, 7300.0, 100'000.0, 172'000.0}) {
    const double second = kSeconds - age;
    const auto position = Lsn(1'000'000 + static_cast<std::uint64_t>(1000 * second));
    const auto held = clock.LastHeld(position, At(kSeconds));
    ASSERT_TRUE(held) << age;
    EXPECT_NEAR(base::Seconds(At(second) - *held), 0, 0.01) << age;
  }
}

TEST(PositionClockTest, SamplesCloserThanASecondAreThinnedToOne) {
  PositionClock clock;
  for (int tenth = 0; tenth <= 6000; ++tenth) clock.Add(Sample(tenth / 10.0, 1000 + static_cast<unsigned>(tenth)));
  EXPECT_LE(clock.size(), 601U + 64U);
  EXPECT_GE(clock.size(), 600U);
}

TEST(PositionClockTest, BurstsBetweenLongRestsAreThinnedToo) {
  PositionClock clock;
  std::uint64_t position = 1000;
  double second = 0;
  for (int burst = 0; burst < 100; ++burst) {
    for (int i = 0; i < 600; ++i) clock.Add(Sample(second += 1, position += 100));
    second += 1200;  // nobody looked, or nothing was written
  }
  EXPECT_LE(clock.size(), 3000U);
}

TEST(PositionClockTest, ThinningKeepsTheEndOfALongRest) {
  PositionClock clock;
  std::uint64_t position = 1000;
  for (int second = 0; second < 100; ++second) clock.Add(Sample(second, position += 100));
  const auto rested = position;
  for (int second = 100; second < 5000; ++second) clock.Add(Sample(second, rested));
  for (int second = 5000; second < 30'000; ++second) clock.Add(Sample(second, position += 100));
  EXPECT_EQ(clock.LastHeld(Lsn(rested), At(30'000)), At(4999));
}

TEST(PositionClockTest, ANewTimelineDropsWhatTheOldOneWroteBeyondTheSwitch) {
  auto clock = Clock({Sample(0, 1000), Sample(10, 2000), Sample(20, 3000)});
  clock.SwitchTo(2, Lsn(2500));
  clock.Add(Sample(30, 2600, 5, 2));
  EXPECT_EQ(clock.newest().timeline, 2U);
  EXPECT_EQ(clock.FlushedAt(At(10)), Lsn(2000));
  EXPECT_EQ(clock.FlushedAt(At(20)), Lsn(2500));
  // Nobody wrote on the path between the last sight of the old primary and the first of the new one.
  EXPECT_EQ(clock.LastHeld(Lsn(2500), At(40)), At(20));
  EXPECT_EQ(clock.LastHeld(Lsn(2600), At(40)), At(40));
}

TEST(PositionClockTest, ASwitchAheadOfTheLastSampleLosesNothing) {
  auto clock = Clock({Sample(0, 1000), Sample(10, 2000)});
  clock.SwitchTo(2, Lsn(2500));
  clock.Add(Sample(30, 3000, 5, 2));
  EXPECT_EQ(clock.FlushedAt(At(10)), Lsn(2000));
  EXPECT_EQ(clock.FlushedAt(At(20)), Lsn(2500));
}

TEST(PositionClockTest, ASwitchBeforeTheOldestSampleStartsANewRing) {
  auto clock = Clock({Sample(0, 5000), Sample(10, 6000)});
  clock.SwitchTo(2, Lsn(4000));
  EXPECT_TRUE(clock.empty());
  clock.Add(Sample(30, 4100, 5, 2));
  EXPECT_FALSE(clock.LastHeld(Lsn(4000), At(40)));
  EXPECT_EQ(clock.FlushedAt(At(30)), Lsn(4100));
}

TEST(PositionClockTest, ThePathLeavesATimelineAtTheLowestLaterSwitch) {
  PositionClock clock;
  EXPECT_FALSE(clock.PathLeft(1));
  clock.SwitchTo(2, Lsn(150));
  clock.SwitchTo(3, Lsn(200));
  EXPECT_EQ(clock.PathLeft(1), Lsn(150));
  EXPECT_EQ(clock.PathLeft(2), Lsn(200));
  EXPECT_FALSE(clock.PathLeft(3));
  clock.SwitchTo(5, Lsn(140));  // 5 left the path of 2 and 3 before they began
  EXPECT_EQ(clock.PathLeft(1), Lsn(140));
  EXPECT_EQ(clock.PathLeft(3), Lsn(140));
}

TEST(PositionClockTest, AServerThatWasSetBackLosesWhatWasSampledBeyond) {
  auto clock = Clock({Sample(0, 1000), Sample(10, 2000), Sample(20, 3000)});
  clock.Add(Sample(30, 1500));
  EXPECT_EQ(clock.newest().flushed, Lsn(1500));
  EXPECT_EQ(clock.FlushedAt(At(15)), Lsn(1250));
  EXPECT_EQ(clock.LastHeld(Lsn(1000), At(40)), At(0));
  EXPECT_EQ(clock.LastHeld(Lsn(1500), At(40)), At(40));
}

TEST(PositionClockTest, ALowerTimelineBeginsAnew) {
  auto clock = Clock({Sample(0, 1000, 1, 2), Sample(10, 2000, 1, 2)});
  clock.SwitchTo(3, Lsn(2000));
  clock.Add(Sample(20, 3000, 1, 3));
  clock.Add(Sample(30, 5000, 1, 1));
  EXPECT_EQ(clock.size(), 1U);
  EXPECT_EQ(clock.newest().timeline, 1U);
  EXPECT_FALSE(clock.PathLeft(1));
}

TEST(PositionClockTest, LossBeginsWhenTheXidRoseOrMuchWasWritten) {
  constexpr std::uint64_t kMuch = 64 << 10;
  struct Case {
    const char* description;
    std::vector<PositionSample> samples;
    std::uint64_t position;
    std::optional<double> began;
  };
  for (const auto& [description, samples, position, began] : std::vector<Case>{
           {"nothing sampled", {}, 1000, std::nullopt},
           {"not passed", {Sample(0, 1000, 5), Sample(10, 2000, 6)}, 2000, std::nullopt},
           {"idle: a few hundred bytes for ever",
            {Sample(0, 1000, 5), Sample(10, 1200, 5), Sample(20, 1500, 5), Sample(3600, 9000, 5)},
            1000,
            std::nullopt},
           {"the first sample at which the xid rose",
            {Sample(0, 1000, 5), Sample(10, 1200, 5), Sample(20, 1500, 6), Sample(30, 1600, 7)},
            1000,
            20},
           {"a rise before the position does not count",
            {Sample(0, 1000, 5), Sample(10, 2000, 6), Sample(20, 2200, 6)},
            2000,
            std::nullopt},
           {"a rise between the samples around the position may be beyond it",
            {Sample(0, 1000, 5), Sample(10, 2000, 6)},
            1500,
            10},
           {"the first sample with more than 64 KiB beyond",
            {Sample(0, 1000, 5), Sample(10, 1000 + kMuch, 5), Sample(20, 1001 + kMuch, 5)},
            1000,
            20},
           {"an xid given out while the position rested is written beyond it",
            {Sample(0, 1000, 5), Sample(5, 1000, 6), Sample(10, 1300, 6)},
            1000,
            10},
           {"an xid that rose without WAL loses nothing", {Sample(0, 1000, 5), Sample(5, 1000, 6)}, 1000, std::nullopt},
           {"before the oldest sample", {Sample(0, 1000, 5), Sample(10, 1100, 6)}, 900, 10},
       }) {
    const auto found = Clock(samples).LossBegan(Lsn(position));
    ASSERT_EQ(found.has_value(), began.has_value()) << description;
    if (began) {
      EXPECT_EQ(*found, At(*began)) << description;
    }
  }
}

}  // namespace
}  // namespace pgvigil::cluster
