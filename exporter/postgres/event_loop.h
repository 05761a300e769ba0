// The one thread that drives every session of every instance: an epoll, timers, and a queue of posted work.
// Nothing on it may block: no DNS, no file, no fsync, no gzip. It measures its own lag, since a late loop must not be
// mistaken for a late server.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace pgvigil::postgres {

using TimerId = std::uint64_t;  // never 0

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
  // Posts and waits for it. Any thread but the loop's. False, without having run, when the loop is stopped.
  bool Call(const std::function<void()>& work);

  const base::Clock& clock() const { return clock_; }
  bool InLoop() const;

  // The loop's thread only.
  TimerId At(base::SteadyTime when, std::function<void()> work);
  TimerId After(base::SteadyTime::duration span, std::function<void()> work) {
    return At(clock_.Steady() + span, std::move(work));
  }
  void Cancel(TimerId timer);  // 0 and timers that fired are ignored

  // Any thread: the greatest time by which a timer or a readable socket was served late in the last 10 s.
  base::SteadyTime::duration lag() const;

  // The loop's thread only. `events` is an EPOLL* mask, 0 to keep the descriptor registered but quiet. Adds or modifies
  // (libpq may close a socket and open another of the same number, which the kernel silently unregisters).
  // An empty `ready` leaves the handler that is there.
  void Watch(int descriptor, std::uint32_t events, std::function<void(std::uint32_t)> ready);
  void Unwatch(int descriptor);

 private:
  struct Impl;
  const base::Clock& clock_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::postgres
