#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/deadline.h"
#include "base/diagnostics.h"
#include "base/published.h"
#include "base/result.h"
#include "fakes/manual_clock.h"

namespace pgvigil::base {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, DoublesWithJitterUpToItsLimitAndStartsAgain) {
  Backoff backoff(100ms, 1s, 7);
  for (const auto whole : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const auto wait = backoff.Next();
    EXPECT_GE(wait, whole / 2);
    EXPECT_LE(wait, whole);
  }
  for (int i = 0; i < 100; ++i) EXPECT_LE(backoff.Next(), 1s) << "no overflow after many failures";
  backoff.Reset();
  EXPECT_LE(backoff.Next(), 100ms);
}

TEST(BackoffTest, TwoInstancesDoNotComeBackTogether) {
  Backoff one(1h, 1h, 1);
  Backoff other(1h, 1h, 2);
  EXPECT_NE(one.Next(), other.Next());
}

TEST(DeadlineTest, LeavesNothingOnceItHasPassed) {
  fakes::ManualClock clock;
  const auto deadline = Deadline::After(clock.Steady(), 2s);
  clock.Advance(500ms);
  EXPECT_EQ(deadline.Left(clock.Steady()), 1500ms);
  clock.Advance(2s);
  EXPECT_TRUE(deadline.Passed(clock.Steady()));
  EXPECT_EQ(deadline.Left(clock.Steady()), 0s);
}

TEST(DiagnosticsTest, SayPlaceThenKeyThenWhatWasExpected) {
  Diagnostics diagnostics;
  EXPECT_TRUE(diagnostics.empty());
  diagnostics.Warning({"a.yaml", 3, 0}, "", "deprecated");
  EXPECT_FALSE(diagnostics.HasErrors());
  diagnostics.Error({"a.yaml", 12, 5}, "clusters[2].name", "expected text");
  EXPECT_TRUE(diagnostics.HasErrors());
  EXPECT_EQ(diagnostics.Format(), "a.yaml:3: warning: deprecated\na.yaml:12:5: clusters[2].name: expected text\n");
}

TEST(PublishedTest, AReaderKeepsWhatItGot) {
  Published<int> part;
  EXPECT_EQ(part.Get(), nullptr);
  part.Set(1);
  const auto kept = part.Get();
  part.Set(2);
  EXPECT_EQ(*kept, 1);
  EXPECT_EQ(*part.Get(), 2);
}

TEST(PublishedTest, IsSafeBetweenThreads) {
  Published<std::vector<int>> part(std::make_shared<const std::vector<int>>(8, 0));
  std::thread writer([&] {
    for (int i = 1; i <= 1000; ++i) part.Set(std::vector<int>(8, i));
  });
  int newest = 0;
  while (newest < 1000) {
    const auto seen = part.Get();
    EXPECT_EQ(seen->front(), seen->back());
    EXPECT_GE(seen->front(), newest);
    newest = seen->front();
  }
  writer.join();
}

TEST(ResultTest, EveryKindHasItsOwnLabelValue) {
  EXPECT_EQ(Name(ErrorKind::kTimeout), "timeout");
  EXPECT_EQ(Name(ErrorKind::kNotFound), "not_found");
  EXPECT_EQ(Name(ErrorKind::kInternal), "internal");
}

}  // namespace
}  // namespace pgvigil::base
