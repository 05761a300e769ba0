// The one thread that drives every session of every instance: an epoll, timers, and a queue of posted work.
// Nothing on it may block: no DNS, no file, no fsync, no gzip. It measures its own lag, since a late loop must not be
// mistaken for a late server. After a stall sockets are served before timers, so that no deadline beats an answer that
// came in time. What work throws is logged and costs that work alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace pgvigil::postgres {

using TimerId = std::uint64_t;  // never 0

// From this lag on a server's silence is no evidence: it may be ours.
inline constexpr std::chrono::milliseconds kLateLoop{250};
using WatchId = std::uint64_t;  // never 0

class EventLoop {
 public:
  explicit EventLoop(const base::Clock& clock);
  ~EventLoop();  // stops
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Start();
  // Runs what was posted before, then joins the thread. Any thread but the loop's.
  void Stop();

  // Any thread. Runs `work` on the loop, in order of posting. Dropped (destroyed unrun) after Stop.
  void Post(std::function<void()> work);
  // Posts and waits for it. Any thread but the loop's. False, without having run, when the loop is stopped. What the
  // work throws comes out here.
  bool Call(const std::function<void()>& work);

  const base::Clock& clock() const { return clock_; }
  bool InLoop() const;

  // The loop's thread only.
  TimerId At(base::SteadyTime when, std::function<void()> work);
  TimerId After(base::SteadyTime::duration span, std::function<void()> work) {
    return At(clock_.Steady() + span, std::move(work));
  }
  void Cancel(TimerId timer);  // 0 and timers that fired are ignored

  // Any thread: how late the loop is now, the greatest time of the last 5 to 10 s by which a timer or a socket was, or
  // could have been, served late. For evidence: a missed observation is none when this is large.
  base::SteadyTime::duration lag() const;
  // Any thread: the greatest lateness since this was last called. For whoever exports it at intervals of its own, so
  // that no lateness is lost between two pages; one reader, since each call begins anew.
  base::SteadyTime::duration TakeLag();

  // The loop's thread only. Calls `ready` for those EPOLL* events of the descriptor; with none (0) the kernel is not
  // asked about it at all, since it would report a hang-up even so. The newest of a number holds: whoever had it before
  // has closed its descriptor.
  WatchId Watch(int descriptor, std::uint32_t events, std::function<void(std::uint32_t)> ready);
  // Other events for the same handler; also where the descriptor was closed and another of the same number opened (as
  // libpq does), which the kernel silently unregisters.
  void Rewatch(WatchId watch, std::uint32_t events);
  void Unwatch(WatchId watch);  // 0 and what another Watch took the number of are ignored

 private:
  struct Impl;
  const base::Clock& clock_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::postgres
