#include "postgres/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pgvigil::postgres {
namespace {

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
  }
  // A loop that is stuck in one step records nothing: the time since that step began counts as well.
  void StepBegins(base::SteadyTime now) { step_began_ = now.time_since_epoch().count(); }
  void StepEnds() { step_began_ = 0; }

  base::SteadyTime::duration Get(base::SteadyTime now) {
    const std::lock_guard lock(mutex_);
    Rotate(now);
    auto late = std::max(current_, before_);
    if (const auto began = step_began_.load(); began != 0) {
      late = std::max(late, now.time_since_epoch() - base::SteadyTime::duration(began));
    }
    return late;
  }

 private:
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
};

}  // namespace

struct EventLoop::Impl {
  struct Watched {
    WatchId id;
    std::function<void(std::uint32_t)> ready;
  };

  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::thread thread;
  std::atomic<std::thread::id> loop_thread{};
  LagMeter lag;

  std::mutex mutex;  // of the two below
  std::vector<std::function<void()>> posted;
  bool stopped = true;

  // The loop's thread only.
  std::map<std::pair<base::SteadyTime, TimerId>, std::function<void()>> timers;
  std::unordered_map<TimerId, base::SteadyTime> timer_times;
  TimerId newest_timer = 0;
  std::unordered_map<int, std::shared_ptr<Watched>> watched;
  std::uint32_t newest_generation = 0;

  Impl() {
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

  void Run(const base::Clock& clock) {
    loop_thread = std::this_thread::get_id();
    lag.StepBegins(clock.Steady());
    while (RunPosted()) {
      RunTimers(clock);
      RunSockets(clock);
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
    for (auto& step : work) step();
    return !stopping;
  }

  void RunTimers(const base::Clock& clock) {
    const auto now = clock.Steady();
    while (!timers.empty() && timers.begin()->first.first <= now) {
      const auto due = timers.begin();
      lag.Record(now - due->first.first, now);
      const auto work = std::move(due->second);
      timer_times.erase(due->first.second);
      timers.erase(due);
      work();
    }
  }

  int WaitMilliseconds(const base::Clock& clock) {
    {
      const std::lock_guard lock(mutex);
      if (!posted.empty() || stopped) return 0;
    }
    if (timers.empty()) return -1;
    const auto left = timers.begin()->first.first - clock.Steady();
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, 60'000));
  }

  void RunSockets(const base::Clock& clock) {
    std::array<epoll_event, 64> events;
    lag.StepEnds();
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), WaitMilliseconds(clock));
    const auto woke = clock.Steady();
    lag.StepBegins(woke);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
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
      handler->ready(event.events);
    }
  }
};

EventLoop::EventLoop(const base::Clock& clock) : clock_(clock), impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Start() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (!std::exchange(impl_->stopped, false)) return;
  }
  impl_->thread = std::thread([this] { impl_->Run(clock_); });
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
    work();
    ran->set_value();
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
  impl_->timers.emplace(std::pair(when, id), std::move(work));
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
