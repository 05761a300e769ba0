#include "observe/archive_observer.h"

#include <utility>

#include "base/logging.h"
#include "base/result.h"
#include "http/client.h"
#include "wal/segment.h"

namespace pgvigil::observe {
namespace {

using base::Log;
using base::LogLevel;

constexpr auto kLeftBehindAfter = std::chrono::seconds(2);
constexpr auto kLookForPromotion = std::chrono::seconds(1);

objectstore::Surroundings SurroundingsOf(std::shared_ptr<http::Client> client,
                                         std::shared_ptr<objectstore::RequestCounts> counts, const base::Clock& clock) {
  objectstore::Surroundings surroundings;
  surroundings.client = std::move(client);
  surroundings.counts = std::move(counts);
  surroundings.clock = &clock;
  return surroundings;
}

}  // namespace

// What the thread works with; kept alive by it.
class ArchiveObserver::Worker {
 public:
  Worker(std::string cluster, ArchiveOptions options, std::shared_ptr<objectstore::RequestCounts> counts,
         const base::Clock& clock)
      : cluster_(std::move(cluster)),
        clock_(clock),
        client_(std::make_shared<http::Client>(clock)),
        readings_(std::move(options), SurroundingsOf(client_, std::move(counts), clock)) {
    exchange_->reading.Set(readings_.last());
  }

  const std::string& cluster() const { return cluster_; }
  const ArchiveOptions& options() const { return readings_.options(); }
  std::shared_ptr<ArchiveExchange> exchange() const { return exchange_; }

  void Run() {
    while (!Stopped()) {
      const auto began = clock_.Steady();
      ReadOnce();
      Rest(began + options().terms.listing_interval);
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    client_->Stop();
  }

  bool AwaitEnd() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLeftBehindAfter, [this] { return ended_; });
  }

 private:
  bool Stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }

  // Until the next reading is due, or the cluster has a new timeline: then what the new primary archives matters at
  // once.
  void Rest(base::SteadyTime until) {
    const auto timeline = Hints().path.timeline;
    std::unique_lock lock(mutex_);
    while (!stopped_ && clock_.Steady() < until) {
      changed_.wait_for(lock, std::min<base::SteadyTime::duration>(kLookForPromotion, until - clock_.Steady()));
      if (Hints().path.timeline != timeline) return;
    }
  }

  ServerHints Hints() const {
    const auto hints = exchange_->hints.Get();
    return hints ? *hints : ServerHints{};
  }

  void ReadOnce() {
    const auto& reading = readings_.Next(Hints(), {});
    if (Stopped()) return;
    SayDamaged();
    SayCommit();
    Say(reading.state);
    exchange_->reading.Set(reading);
  }

  void SayDamaged() {
    for (const auto& [segment, damage] : readings_.damaged()) {
      const auto name = wal::FileName(segment, *readings_.last().state.contents->wal.segment_size);
      const auto held_back = throttle_.Admit(name, clock_.Steady());
      if (!held_back) continue;
      Log(LogLevel::kError, "a segment in the archive is damaged and counts as missing",
          base::Error{base::ErrorKind::kMalformed, damage, name, {}},
          {{"pg_cluster", cluster_}, {"archive", options().place.name}, {"repeated", *held_back}});
    }
  }

  void SayCommit() {
    if (!readings_.commit_error()) return;
    if (const auto held_back = throttle_.Admit("commit", clock_.Steady()))
      Log(LogLevel::kWarn, "the last commit in the archive cannot be read", *readings_.commit_error(),
          {{"pg_cluster", cluster_}, {"archive", options().place.name}, {"repeated", *held_back}});
  }

  void Say(const cluster::ArchiveState& state) {
    if (state.store.up) {
      if (failed_) Log(LogLevel::kInfo, "archive is read again", {{"pg_cluster", cluster_}, {"archive", state.name}});
      failed_ = false;
      throttle_.Forget("pass");
    } else if (const auto held_back = throttle_.Admit("pass", clock_.Steady())) {
      failed_ = true;
      Log(LogLevel::kError, "archive cannot be read", *state.store.error,
          {{"pg_cluster", cluster_}, {"archive", state.name}, {"repeated", *held_back}});
    }
  }

  const std::string cluster_;
  const base::Clock& clock_;
  const std::shared_ptr<http::Client> client_;
  const std::shared_ptr<ArchiveExchange> exchange_ = std::make_shared<ArchiveExchange>();
  ArchiveReadings readings_;
  base::LogThrottle throttle_{std::chrono::minutes(5)};
  bool failed_ = false;

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  bool stopped_ = false;
  bool ended_ = false;
};

ArchiveObserver::ArchiveObserver(std::string cluster, ArchiveOptions options,
                                 std::shared_ptr<objectstore::RequestCounts> counts, const base::Clock& clock)
    : worker_(std::make_shared<Worker>(std::move(cluster), std::move(options), std::move(counts), clock)),
      thread_([worker = worker_] { worker->Run(); }) {}

ArchiveObserver::~ArchiveObserver() {
  worker_->Stop();
  if (worker_->AwaitEnd()) {
    thread_.join();
    return;
  }
  Log(LogLevel::kWarn, "an archive does not answer and is left behind",
      {{"pg_cluster", worker_->cluster()}, {"archive", worker_->options().place.name}});
  thread_.detach();
}

const std::string& ArchiveObserver::cluster() const { return worker_->cluster(); }
const ArchiveOptions& ArchiveObserver::options() const { return worker_->options(); }
std::shared_ptr<ArchiveExchange> ArchiveObserver::exchange() const { return worker_->exchange(); }

}  // namespace pgvigil::observe
