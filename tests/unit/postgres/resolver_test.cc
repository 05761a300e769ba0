#include "postgres/resolver.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <stdexcept>

namespace pgvigil::postgres {
namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<std::string>;

// A name service that answers what the test says, when it says so.
class NameService {
 public:
  Resolver::Answer Ask(const std::string& host) {
    std::unique_lock lock(mutex_);
    ++asked_[host];
    changed_.notify_all();
    changed_.wait(lock, [this] { return answering_; });
    return answer_;
  }
  void Answer(const Resolver::Answer& answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
    answering_ = true;
    changed_.notify_all();
  }
  void Hang() {
    const std::lock_guard lock(mutex_);
    answering_ = false;
  }
  int asked(const std::string& host) {
    const std::lock_guard lock(mutex_);
    return asked_[host];
  }
  void AwaitAsked(const std::string& host, int times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_[host] >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> asked_;
  bool answering_ = false;
  Resolver::Answer answer_ = Addresses{};
};

class ResolverTest : public testing::Test {
 protected:
  struct Wait {
    std::shared_ptr<const void> question;
    std::future<Resolver::Answer> answer;
  };

  void SetUp() override { loop_.Start(); }
  void TearDown() override { service_->Answer(Addresses{}); }

  Wait Ask(const std::string& host) {
    Wait wait;
    auto promise = std::make_shared<std::promise<Resolver::Answer>>();
    wait.answer = promise->get_future();
    loop_.Call([&] {
      wait.question =
          resolver_.Resolve(host, [promise](const Resolver::Answer& answer) { promise->set_value(answer); });
    });
    return wait;
  }
  void GiveUp(Wait& wait) {
    loop_.Call([&] { wait.question.reset(); });
  }

  std::shared_ptr<NameService> service_ = std::make_shared<NameService>();  // its threads are left behind
  EventLoop loop_{base::SystemClock()};
  Resolver resolver_{loop_, [service = service_](const std::string& host) { return service->Ask(host); }, 20ms};
};

TEST_F(ResolverTest, OneLookupServesAllWhoAskForAHost) {
  auto one = Ask("db"), other = Ask("db");
  service_->AwaitAsked("db", 1);
  auto third = Ask("db");
  service_->Answer(Addresses{"192.0.2.1"});
  for (auto* wait : {&one, &other, &third}) EXPECT_EQ(*wait->answer.get(), Addresses{"192.0.2.1"});
  EXPECT_EQ(service_->asked("db"), 1);
  for (auto* wait : {&one, &other, &third}) GiveUp(*wait);
}

TEST_F(ResolverTest, TheLastGoodAnswerIsUsedWhereNameServiceIsSlowOrFails) {
  service_->Answer(Addresses{"192.0.2.1"});
  auto first = Ask("db");
  EXPECT_TRUE(first.answer.get().ok());
  GiveUp(first);
  service_->Hang();
  auto slow = Ask("db");
  EXPECT_EQ(*slow.answer.get(), Addresses{"192.0.2.1"});
  GiveUp(slow);
  auto stranger = Ask("other");
  service_->Answer(base::Error{base::ErrorKind::kNotFound, "no such host", {}, {}});
  EXPECT_FALSE(stranger.answer.get().ok());
  auto failing = Ask("db");
  EXPECT_EQ(*failing.answer.get(), Addresses{"192.0.2.1"});
  for (auto* wait : {&stranger, &failing}) GiveUp(*wait);
}

TEST_F(ResolverTest, AHangingNameServiceHoldsUpNeitherNumericHostsNorALookupNobodyWaitsFor) {
  std::vector<Wait> hanging;
  for (const auto* host : {"a", "b", "c", "d"}) hanging.push_back(Ask(host));
  for (const auto* host : {"a", "b", "c", "d"}) service_->AwaitAsked(host, 1);
  auto numeric = Ask("::1");
  EXPECT_EQ(*numeric.answer.get(), Addresses{"::1"});
  auto stale = Ask("stale");
  GiveUp(stale);
  auto again = Ask("a");
  GiveUp(hanging[0]);
  GiveUp(again);
  auto once_more = Ask("a");  // its lookup still runs
  auto last = Ask("last");
  service_->Answer(Addresses{"192.0.2.1"});
  EXPECT_TRUE(last.answer.get().ok());
  EXPECT_TRUE(once_more.answer.get().ok());
  EXPECT_EQ(service_->asked("stale"), 0);
  EXPECT_EQ(service_->asked("a"), 1);
  for (auto& wait : hanging) GiveUp(wait);
  for (auto* wait : {&numeric, &once_more, &last}) GiveUp(*wait);
}

TEST(WorkersTest, AJobThatThrowsCostsThatJobAlone) {
  EventLoop loop(base::SystemClock());
  loop.Start();
  Workers workers(loop, 1);
  const auto wanted = std::make_shared<int>();
  std::promise<void> ran;
  workers.Submit(wanted, []() -> Workers::Continuation { throw std::runtime_error("job"); });
  workers.Submit(std::weak_ptr<int>(), [&]() -> Workers::Continuation {
    ADD_FAILURE() << "nobody wants it";
    return {};
  });
  workers.Submit(wanted, [&]() -> Workers::Continuation { return [&] { ran.set_value(); }; });
  ran.get_future().get();
}

}  // namespace
}  // namespace pgvigil::postgres
