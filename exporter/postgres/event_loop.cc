#include "postgres/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/logging.h"

namespace pgvigil::postgres {
namespace {

constexpr auto kLate = std::chrono::milliseconds(10);  // beyond what waking up on time may take
constexpr int kMostRounds = 16;                        // of sockets before timers get their turn
constexpr auto kLogEvery = std::chrono::minutes(1);
constexpr auto kLagWindow = std::chrono::seconds(5);  // two of them: the newest 5 to 10 s are remembered

[[noreturn]] void ThrowErrno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// A watch's id is the kernel's word about it: which registration, and its descriptor.
WatchId IdOf(std::uint32_t generation, int descriptor) {
  return static_cast<WatchId>(generation) << 32 | static_cast<std::uint32_t>(descriptor);
}
int DescriptorOf(WatchId id) { return static_cast<int>(id & 0xFFFFFFFF); }

// The greatest lateness of the last 5 to 10 s. Written by the loop, read by anyone.
class LagMeter {
 public:
  void Record(base::SteadyTime::duration late, base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    Rotate(now);
    current_ = std::max(current_, late);
    untaken_ = std::max(untaken_, late);
  }
  // A loop that is stuck in one step records nothing: the time since that step began counts as well.
  void StepBegins(base::SteadyTime now) { step_began_ = now.time_since_epoch().count(); }
  // What became readable at the beginning of a step was served at its end at the earliest.
  void StepEnds(base::SteadyTime now) {
    Record(InStep(now), now);
    step_began_ = 0;
  }

  base::SteadyTime::duration Get(base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    Rotate(now);
    return std::max({current_, before_, InStep(now)});
  }
  base::SteadyTime::duration Take(base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    return std::max(std::exchange(untaken_, {}), InStep(now));
  }

 private:
  base::SteadyTime::duration InStep(base::SteadyTime now) const {
    const auto began = step_began_.load();
    return began == 0 ? base::SteadyTime::duration::zero() : now.time_since_epoch() - base::SteadyTime::duration(began);
  }

  void Rotate(base::SteadyTime now) {
    if (now - window_began_ < kLagWindow) return;
    before_ = now - window_began_ < 2 * kLagWindow ? current_ : base::SteadyTime::duration::zero();
    current_ = {};
    window_began_ = now;
  }

  std::mutex mutex_;
  std::atomic<base::SteadyTime::rep> step_began_ = 0;
  base::SteadyTime window_began_{};
  base::SteadyTime::duration current_{};
  base::SteadyTime::duration before_{};
  base::SteadyTime::duration untaken_{};
};

}  // namespace

struct EventLoop::Impl {
  struct Watched {
    WatchId id;
    std::function<void(std::uint32_t)> ready;
  };
  struct Timer {
    base::SteadyTime scheduled;
    std::function<void()> work;
  };

  const base::Clock& clock;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::thread thread;
  std::atomic<std::thread::id> loop_thread{};
  LagMeter lag;
  base::LogThrottle throttle{kLogEvery};

  std::mutex mutex;  // of the two below
  std::vector<std::function<void()>> posted;
  bool stopped = true;

  // The loop's thread only.
  std::map<std::pair<base::SteadyTime, TimerId>, Timer> timers;
  std::unordered_map<TimerId, base::SteadyTime> timer_times;
  TimerId newest_timer = 0;
  std::unordered_map<int, std::shared_ptr<Watched>> watched;
  std::uint32_t newest_generation = 0;
  std::array<epoll_event, 64> arrived{};

  explicit Impl(const base::Clock& own_clock) : clock(own_clock) {
    if (epoll < 0 || wake < 0) ThrowErrno("event loop");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = IdOf(0, wake);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) ThrowErrno("event loop");
  }
  ~Impl() {
    close(wake);
    close(epoll);
  }

  void Wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake, &one, sizeof one);  // full means that it is awake
  }

  void Run() {
    loop_thread = std::this_thread::get_id();
    lag.StepBegins(clock.Steady());
    while (RunPosted()) {
      lag.StepEnds(clock.Steady());
      int count = Wait(WaitMilliseconds());
      const auto woke = clock.Steady();
      lag.StepBegins(woke);
      RunSockets(count, woke);
      // A deadline never beats an answer that came in time, because this thread was late: timers that were due when it
      // woke run when sockets have said all that they had to say by then.
      const bool late = !timers.empty() && woke - timers.begin()->first.first > kLate;
      bool again = late || count < 0;  // interrupted, as by SIGCONT
      for (int rounds = 1; rounds < kMostRounds && (again || count == static_cast<int>(arrived.size())); ++rounds) {
        again = false;
        count = Wait(0);
        RunSockets(count, clock.Steady());
      }
      RunTimers(woke);
    }
  }

  int Wait(int milliseconds) {
    return epoll_wait(epoll, arrived.data(), static_cast<int>(arrived.size()), milliseconds);
  }

  // One step of somebody's. Whatever it throws costs that step, never the thread.
  template <typename Step>
  void Guard(const Step& step) {
    try {
      step();
    } catch (const std::exception& problem) {
      Complain(problem.what());
    } catch (...) {
      Complain("not a std::exception");
    }
  }
  void Complain(const char* what) noexcept {
    try {
      if (throttle.Admit("step", clock.Steady()))
        base::Log(base::LogLevel::kError, "a step of the event loop failed", {{"error", what}});
    } catch (...) {
      return;  // no memory even for that
    }
  }

  std::shared_ptr<Watched> Find(WatchId id) const {
    const auto found = watched.find(DescriptorOf(id));
    return found == watched.end() || found->second->id != id ? nullptr : found->second;
  }

  void TellKernel(WatchId id, std::uint32_t events) const {
    const int descriptor = DescriptorOf(id);
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (events == 0) {
      epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nullptr);  // fails where it was closed: then it is gone anyway
    } else if (epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) != 0) {
      epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    }
  }

  // False once stopped and nothing is left.
  bool RunPosted() {
    std::vector<std::function<void()>> work;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex);
      work.swap(posted);
      stopping = stopped;
    }
    for (const auto& step : work) Guard(step);
    return !stopping;
  }

  void RunTimers(base::SteadyTime until) {
    while (!timers.empty() && timers.begin()->first.first <= until) {
      const auto due = timers.begin();
      const auto now = clock.Steady();
      lag.Record(now - std::max(due->first.first, due->second.scheduled), now);
      const auto work = std::move(due->second.work);
      timer_times.erase(due->first.second);
      timers.erase(due);
      Guard(work);
    }
  }

  int WaitMilliseconds() {
    {
      const std::lock_guard lock(mutex);
      if (!posted.empty() || stopped) return 0;
    }
    if (timers.empty()) return -1;
    const auto left = timers.begin()->first.first - clock.Steady();
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, 60'000));
  }

  void RunSockets(int count, base::SteadyTime woke) {
    for (int i = 0; i < count; ++i) {
      const auto& event = arrived[static_cast<std::size_t>(i)];
      if (DescriptorOf(event.data.u64) == wake) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const auto got = read(wake, &ignored, sizeof ignored);
        continue;
      }
      // A handler before this one may have closed the descriptor, and another may have got its number.
      const auto handler = Find(event.data.u64);  // kept alive through its own Unwatch
      if (!handler) continue;
      const auto now = clock.Steady();
      lag.Record(now - woke, now);
      Guard([&] { handler->ready(event.events); });
    }
  }
};

EventLoop::EventLoop(const base::Clock& clock) : clock_(clock), impl_(std::make_unique<Impl>(clock)) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Start() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (!std::exchange(impl_->stopped, false)) return;
  }
  impl_->thread = std::thread([this] { impl_->Run(); });
}

void EventLoop::Stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
  }
  if (!impl_->thread.joinable()) return;
  impl_->Wake();
  impl_->thread.join();
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(impl_->mutex);
  dropped.swap(impl_->posted);
}

void EventLoop::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->posted.push_back(std::move(work));
    if (impl_->posted.size() > 1) return;  // it is being woken already
  }
  impl_->Wake();
}

bool EventLoop::Call(const std::function<void()>& work) {
  // Resolved when the posted work has run, broken when it is dropped unrun.
  auto ran = std::make_shared<std::promise<void>>();
  auto done = ran->get_future();
  Post([&work, ran = std::move(ran)] {
    try {
      work();
      ran->set_value();
    } catch (...) {
      ran->set_exception(std::current_exception());
    }
  });
  try {
    done.get();
    return true;
  } catch (const std::future_error&) {
    return false;
  }
}

bool EventLoop::InLoop() const { return impl_->loop_thread.load() == std::this_thread::get_id(); }

TimerId EventLoop::At(base::SteadyTime when, std::function<void()> work) {
  const TimerId id = ++impl_->newest_timer;
  impl_->timers.emplace(std::pair(when, id), Impl::Timer{clock_.Steady(), std::move(work)});
  impl_->timer_times.emplace(id, when);
  return id;
}

void EventLoop::Cancel(TimerId timer) {
  const auto found = impl_->timer_times.find(timer);
  if (found == impl_->timer_times.end()) return;
  impl_->timers.erase({found->second, timer});
  impl_->timer_times.erase(found);
}

base::SteadyTime::duration EventLoop::lag() const { return impl_->lag.Get(clock_.Steady()); }

base::SteadyTime::duration EventLoop::TakeLag() { return impl_->lag.Take(clock_.Steady()); }

WatchId EventLoop::Watch(int descriptor, std::uint32_t events, std::function<void(std::uint32_t)> ready) {
  const auto id = IdOf(++impl_->newest_generation, descriptor);
  impl_->watched[descriptor] = std::make_shared<Impl::Watched>(Impl::Watched{id, std::move(ready)});
  impl_->TellKernel(id, events);
  return id;
}

void EventLoop::Rewatch(WatchId watch, std::uint32_t events) {
  if (impl_->Find(watch)) impl_->TellKernel(watch, events);
}

void EventLoop::Unwatch(WatchId watch) {
  if (!impl_->Find(watch)) return;
  impl_->watched.erase(DescriptorOf(watch));
  impl_->TellKernel(watch, 0);
}

}  // namespace pgvigil::postgres
