// How many requests may wait out a run at the same time: the workers that are left answer health checks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace pgvigil::web {

// Thread-safe.
class Admission {
 public:
  explicit Admission(int places) : free_(places) {}

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

  // Waits at most that long for a place.
  std::optional<Permit> Enter(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!left_.wait_for(lock, patience, [this] { return free_ > 0; })) return std::nullopt;
    --free_;
    return Permit(*this);
  }

 private:
  void Leave() {
    const std::lock_guard lock(mutex_);
    ++free_;
    left_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  int free_;
};

}  // namespace pgvigil::web
