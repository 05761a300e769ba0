#include "postgres/workers.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace pgvigil::postgres {

struct Workers::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<Continuation()>> jobs;
  EventLoop* loop = nullptr;  // null once the Workers are gone
};

Workers::Workers(EventLoop& loop, int threads) : shared_(std::make_shared<Shared>()) {
  shared_->loop = &loop;
  for (int i = 0; i < threads; ++i) std::thread([shared = shared_] { Work(shared); }).detach();
}

Workers::~Workers() {
  const std::lock_guard lock(shared_->mutex);
  shared_->loop = nullptr;
  shared_->jobs.clear();
  shared_->changed.notify_all();
}

void Workers::Submit(std::function<Continuation()> job) {
  const std::lock_guard lock(shared_->mutex);
  shared_->jobs.push_back(std::move(job));
  shared_->changed.notify_one();
}

void Workers::Work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->loop == nullptr || !shared->jobs.empty(); });
    if (shared->loop == nullptr) return;
    auto job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    lock.unlock();
    auto continuation = job();
    lock.lock();
    if (shared->loop == nullptr) return;
    shared->loop->Post(std::move(continuation));
  }
}

}  // namespace pgvigil::postgres
