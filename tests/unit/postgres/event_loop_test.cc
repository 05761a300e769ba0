#include "postgres/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "fakes/manual_clock.h"

namespace pgvigil::postgres {
namespace {

using namespace std::chrono_literals;

TEST(EventLoopTest, RunsWhatIsPostedInOrderAndTimersWhenTheyAreDue) {
  EventLoop loop(base::SystemClock());
  loop.Start();
  std::string order;
  std::promise<void> fired;
  loop.Call([&] {
    EXPECT_TRUE(loop.InLoop());
    loop.After(20ms, [&] {
      order += "c";
      fired.set_value();
    });
    loop.After(10ms, [&] { order += "b"; });
    loop.Cancel(loop.After(5ms, [&] { order += "x"; }));
    loop.Post([&] { order += "a"; });
  });
  fired.get_future().get();
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(loop.InLoop());
  loop.Stop();
  EXPECT_FALSE(loop.Call([] {})) << "a stopped loop runs nothing and says so";
}

TEST(EventLoopTest, AStuckStepShowsAsLag) {
  std::promise<void> entered, leave;  // outlive the loop, which may still be inside wait()
  auto left = leave.get_future();
  EventLoop loop(base::SystemClock());
  loop.Start();
  loop.Post([&] {
    entered.set_value();
    left.wait();
  });
  entered.get_future().get();
  while (loop.lag() < 20ms) std::this_thread::yield();
  leave.set_value();
  ASSERT_TRUE(loop.Call([] {})) << "and it goes on";
}

TEST(EventLoopTest, AfterAStallAnswersAreServedBeforeDeadlines) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  std::string order;
  std::promise<void> fired;
  EventLoop loop(base::SystemClock());
  loop.Start();
  loop.Call([&] {
    const auto now = loop.clock().Steady();
    loop.Watch(ends[0], EPOLLIN, [&](std::uint32_t) {
      char byte = 0;
      if (read(ends[0], &byte, 1) == 1) order += "answer ";
    });
    loop.At(now + 5ms, [&] {
      order += "deadline";
      fired.set_value();
    });
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    while (loop.clock().Steady() < now + 20ms) continue;
  });
  fired.get_future().get();
  EXPECT_EQ(order, "answer deadline");
  loop.Stop();
  for (const int end : ends) close(end);
}

TEST(EventLoopTest, WhatWorkThrowsCostsThatWorkAlone) {
  EventLoop loop(base::SystemClock());
  loop.Start();
  std::promise<void> fired;
  loop.Post([] { throw std::runtime_error("posted"); });
  loop.Call([&] {
    loop.After(0s, [] { throw 42; });
    loop.After(1ms, [&] { fired.set_value(); });
  });
  fired.get_future().get();
  EXPECT_THROW(loop.Call([] { throw std::logic_error("called"); }), std::logic_error);
  EXPECT_TRUE(loop.Call([] {}));
}

TEST(EventLoopTest, ATimerAskedForThePastIsNotLate) {
  fakes::ManualClock clock;
  EventLoop loop(clock);
  loop.Start();
  std::promise<void> fired;
  loop.Call([&] { loop.At(clock.Steady() - 1h, [&] { fired.set_value(); }); });
  fired.get_future().get();
  ASSERT_TRUE(loop.Call([] {}));
  EXPECT_EQ(loop.lag(), 0s);
}

TEST(EventLoopTest, LatenessIsThereForEvidenceAndUntilItIsTaken) {
  fakes::ManualClock clock;
  EventLoop loop(clock);
  loop.Start();
  loop.Call([&] { clock.Advance(300ms); });
  ASSERT_TRUE(loop.Call([] {}));  // the long step is over
  EXPECT_EQ(loop.TakeLag(), 300ms);
  EXPECT_EQ(loop.TakeLag(), 0s);
  EXPECT_EQ(loop.lag(), 300ms);
}

}  // namespace
}  // namespace pgvigil::postgres
