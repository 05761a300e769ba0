// What is drawn of a progress, and when.
#include "cli/progress.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"

namespace pgvigil::cli {
namespace {

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() : stream_(open_memstream(&bytes_, &size_)) {}
  ~ProgressTest() override {
    std::fclose(stream_);
    std::free(bytes_);
  }
  std::string Drawn() {
    std::fflush(stream_);
    return {bytes_, size_};
  }

  char* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
  fakes::ManualClock clock_;
};

TEST_F(ProgressTest, ReplacesItsLineAndLeavesItFree) {
  {
    Progress progress(stream_, true, clock_);
    progress.Show("one");
    clock_.Advance(std::chrono::seconds(1));
    progress.Show("two", 0.5);
  }
  EXPECT_EQ(Drawn(), "\r\x1b[Kone\r\x1b[K[###############...............] two\r\x1b[K");
}

TEST_F(ProgressTest, DrawsTenTimesASecondAtMost) {
  Progress progress(stream_, true, clock_);
  for (int i = 0; i < 100; ++i) {
    progress.Show("x");
    clock_.Advance(std::chrono::milliseconds(10));
  }
  const auto drawn = Drawn();
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 'x'), 10);
}

TEST_F(ProgressTest, AShareBeyondTheEndFillsTheBar) {
  Progress progress(stream_, true, clock_);
  progress.Show("x", 1.2);
  EXPECT_NE(Drawn().find("[" + std::string(30, '#') + "] x"), std::string::npos);
}

TEST_F(ProgressTest, IsSilentWhereItIsOff) {
  Progress progress(stream_, false, clock_);
  progress.Show("one", 0.1);
  progress.Clear();
  EXPECT_EQ(Drawn(), "");
}

}  // namespace
}  // namespace pgvigil::cli
