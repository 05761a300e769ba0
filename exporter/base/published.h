// The newest value of one part of what is known: one writer replaces it whole, any number of readers keep what they
// got. A mutex and not std::atomic<std::shared_ptr>: the latter races under g++ 12's ThreadSanitizer.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace pgvigil::base {

// Thread-safe. Get never waits for longer than the copy of a pointer; the old value is destroyed outside the lock.
template <typename T>
class Published {
 public:
  Published() = default;
  explicit Published(std::shared_ptr<const T> first) : value_(std::move(first)) {}

  // Null until the first Set.
  std::shared_ptr<const T> Get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  void Set(std::shared_ptr<const T> next) {
    const std::lock_guard lock(mutex_);
    value_.swap(next);
  }
  void Set(T next) { Set(std::make_shared<const T>(std::move(next))); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace pgvigil::base
