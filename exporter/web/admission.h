// How many may do something that holds a worker, such as wait out a run: the workers that are left answer the others.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace pgvigil::web {

// Thread-safe.
class Admission {
 public:
  using Clock = std::chrono::steady_clock;

  // At most `queue` may wait for a place at the same time.
  explicit Admission(int places, int queue = 1000) : free_(places), queue_(queue) {}

  // A place, given back when it goes.
  class Permit {
   public:
    explicit Permit(Admission& admission) : admission_(&admission) {}
    Permit(Permit&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit() {
      if (admission_ != nullptr) admission_->Leave();
    }

   private:
    Admission* admission_;
  };

  // Waits at most that long for a place; and not at all once no place was given back for as long: who holds them hangs,
  // and those who wait behind would hold the workers of others for nothing.
  std::optional<Permit> Enter(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const auto last = Clock::now() + patience;
    if (free_ == 0 && waiting_ >= queue_) return std::nullopt;
    ++waiting_;
    while (free_ == 0 && Clock::now() < std::min(last, moved_ + patience))
      left_.wait_until(lock, std::min(last, moved_ + patience));
    --waiting_;
    if (free_ == 0) return std::nullopt;
    if (--free_ == 0) moved_ = Clock::now();
    return Permit(*this);
  }

  int waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  void Leave() {
    const std::lock_guard lock(mutex_);
    ++free_;
    moved_ = Clock::now();
    left_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  int free_;
  const int queue_;
  int waiting_ = 0;
  Clock::time_point moved_{};  // when the last place was taken or one given back
};

}  // namespace pgvigil::web
