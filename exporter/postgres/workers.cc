#include "postgres/workers.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/logging.h"

namespace pgvigil::postgres {

struct Workers::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  struct Job {
    std::weak_ptr<const void> wanted;
    std::function<Continuation()> run;
  };
  std::deque<Job> jobs;
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

void Workers::Submit(std::weak_ptr<const void> wanted, std::function<Continuation()> job) {
  const std::lock_guard lock(shared_->mutex);
  shared_->jobs.push_back({std::move(wanted), std::move(job)});
  shared_->changed.notify_one();
}

namespace {

// Nothing if it throws: who waits for it has a deadline.
Workers::Continuation Outcome(const std::function<Workers::Continuation()>& job) {
  try {
    return job();
  } catch (const std::exception& problem) {
    base::Log(base::LogLevel::kError, "a job beside the event loop failed", {{"error", problem.what()}});
    return {};
  }
}

}  // namespace

void Workers::Work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->loop == nullptr || !shared->jobs.empty(); });
    if (shared->loop == nullptr) return;
    auto job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    lock.unlock();
    const auto wanted = job.wanted.lock();  // held while it runs
    auto continuation = wanted ? Outcome(job.run) : Continuation();
    job = {};
    lock.lock();
    if (shared->loop == nullptr) return;
    if (continuation) shared->loop->Post(std::move(continuation));
  }
}

}  // namespace pgvigil::postgres
