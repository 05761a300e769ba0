#include "observe/archive_observer.h"

#include <map>
#include <thread>
#include <utility>

#include "base/logging.h"
#include "base/result.h"
#include "http/client.h"

namespace pgvigil::observe {
namespace {

using base::Log;
using base::LogLevel;

constexpr auto kLeftBehindAfter = std::chrono::seconds(2);
constexpr auto kLookForPromotion = std::chrono::seconds(1);
constexpr auto kRequestWithin = std::chrono::seconds(30);
constexpr int kSegmentsReadForCommit = 4;

}  // namespace

// What the thread works with; kept alive by it.
class ArchiveObserver::Worker {
 public:
  Worker(std::string cluster, ArchiveOptions options, std::shared_ptr<objectstore::RequestCounts> counts,
         const base::Clock& clock)
      : cluster_(std::move(cluster)),
        options_(std::move(options)),
        clock_(clock),
        client_(std::make_shared<http::Client>(clock)) {
    surroundings_.client = client_;
    surroundings_.counts = std::move(counts);
    surroundings_.clock = &clock_;
    ArchiveReading first;
    first.state.name = options_.place.name;
    first.state.source = archive::Source(options_.place);
    first.state.methods = archive::Methods(options_.place);
    first.state.terms = options_.terms;
    exchange_->reading.Set(std::move(first));
  }

  const std::string& cluster() const { return cluster_; }
  const ArchiveOptions& options() const { return options_; }
  std::shared_ptr<ArchiveExchange> exchange() const { return exchange_; }

  void Run() {
    while (!Stopped()) {
      const auto began = clock_.Steady();
      ReadOnce(began);
      Rest(began + options_.terms.listing_interval);
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

  void ReadOnce(base::SteadyTime began) {
    auto reading = *exchange_->reading.Get();
    const auto hints = Hints();
    const auto contents = Pass(hints);
    if (Stopped()) return;
    auto& store = reading.state.store;
    store.duration = clock_.Steady() - began;
    store.up = contents.ok();
    if (contents.ok()) {
      store.last_success = clock_.Wall();
      store.last_success_steady = clock_.Steady();
      store.error.reset();
      reading.state.place = reader_->Place();
      reading.state.clock_skew = reader_->ClockSkew();
      Judge(**contents, hints, reading);
    } else {
      store.error = contents.error();
    }
    Say(reading.state);
    exchange_->reading.Set(std::move(reading));
  }

  base::Result<std::shared_ptr<const cluster::ArchiveContents>> Pass(const ServerHints& hints) {
    if (!reader_) {
      auto opened = archive::Open(options_.place, surroundings_);
      if (!opened.ok()) return opened.error();
      reader_ = std::move(opened).Take();
    }
    archive::PassOptions pass;
    pass.request_within = kRequestWithin;
    pass.segment_size = hints.segment_size;
    if (const auto judged = exchange_->reading.Get()->verdict) {
      for (const auto& gap : judged->gaps) pass.missing.push_back(gap.first);
    }
    return reader_->Pass(pass);
  }

  void Judge(const cluster::ArchiveContents& read, const ServerHints& hints, ArchiveReading& reading) {
    auto contents = std::make_shared<cluster::ArchiveContents>(read);
    const auto verdict = std::make_shared<verdict::ArchiveVerdict>(
        verdict::JudgeArchive(*contents, options_.terms, hints.path, clock_.Wall()));
    const bool clock_knows = hints.sampled_from && verdict->proven_end && *hints.sampled_from <= *verdict->proven_end;
    if (verdict->proven_end)
      contents->last_commit = clock_knows ? Remembered(*verdict) : LastCommit(*verdict, *contents);
    FindStarts(*verdict, *contents);
    reading.backups =
        std::make_shared<verdict::BackupSummary>(verdict::Summarize(contents->catalogue, verdict->backups));
    reading.verdict = verdict;
    reading.state.contents = std::move(contents);
  }

  // The last one read, if it still lies in the proven WAL: what was committed stays so.
  std::optional<cluster::ArchiveContents::LastCommitted> Remembered(const verdict::ArchiveVerdict& verdict) const {
    if (!last_commit_ || last_commit_->end > *verdict.proven_end || last_commit_->end.bytes == 0) return std::nullopt;
    if (verdict.path.At({last_commit_->end.bytes - 1}).timeline != last_commit_->segment.timeline) return std::nullopt;
    return last_commit_;
  }

  // Read again only when the end moved.
  std::optional<cluster::ArchiveContents::LastCommitted> LastCommit(const verdict::ArchiveVerdict& verdict,
                                                                    const cluster::ArchiveContents& contents) {
    if (commit_read_for_ == *verdict.proven_end) return last_commit_;
    const auto found = ReadCommit(verdict, contents, *verdict.proven_end);
    if (!found) return std::nullopt;
    commit_read_for_ = *verdict.proven_end;
    last_commit_ = *found;
    return last_commit_;
  }

  // Each window's backup is looked into once.
  void FindStarts(const verdict::ArchiveVerdict& verdict, cluster::ArchiveContents& contents) {
    std::map<std::string, std::optional<base::WallTime>> starts;
    for (const auto& window : verdict.windows) {
      auto& backup = contents.catalogue.backups[window.from];
      if (!backup.end) continue;
      const auto known = starts_.find(backup.place);
      if (known != starts_.end()) {
        starts.insert(*known);
      } else if (const auto found = ReadCommit(verdict, contents, *backup.end)) {
        starts[backup.place] = *found ? std::optional((*found)->at) : std::nullopt;
      }
      if (starts.contains(backup.place)) backup.last_commit = starts[backup.place];
    }
    starts_ = std::move(starts);
  }

  // Absent: it cannot be read now.
  std::optional<std::optional<cluster::ArchiveContents::LastCommitted>> ReadCommit(
      const verdict::ArchiveVerdict& verdict, const cluster::ArchiveContents& contents, wal::Lsn end) {
    if (!contents.wal.segment_size) return std::nullopt;
    auto found = archive::LastCommitBefore(*reader_, verdict.path, end, *contents.wal.segment_size,
                                           kSegmentsReadForCommit, kRequestWithin);
    if (found.ok()) return *std::move(found);
    if (const auto held_back = throttle_.Admit("commit", clock_.Steady()))
      Log(LogLevel::kWarn, "the last commit in the archive cannot be read", found.error(),
          {{"pg_cluster", cluster_}, {"archive", options_.place.name}, {"repeated", *held_back}});
    return std::nullopt;
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
  const ArchiveOptions options_;
  const base::Clock& clock_;
  const std::shared_ptr<http::Client> client_;
  const std::shared_ptr<ArchiveExchange> exchange_ = std::make_shared<ArchiveExchange>();
  objectstore::Surroundings surroundings_;
  std::unique_ptr<archive::Reader> reader_;
  std::optional<wal::Lsn> commit_read_for_;
  std::map<std::string, std::optional<base::WallTime>> starts_;  // by the place of a backup
  std::optional<cluster::ArchiveContents::LastCommitted> last_commit_;
  base::LogThrottle throttle_{std::chrono::minutes(5)};
  bool failed_ = false;

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  bool stopped_ = false;
  bool ended_ = false;
};

ArchiveObserver::ArchiveObserver(std::string cluster, ArchiveOptions options,
                                 std::shared_ptr<objectstore::RequestCounts> counts, const base::Clock& clock)
    : worker_(std::make_shared<Worker>(std::move(cluster), std::move(options), std::move(counts), clock)) {
  std::thread([worker = worker_] { worker->Run(); }).detach();
}

ArchiveObserver::~ArchiveObserver() {
  worker_->Stop();
  if (!worker_->AwaitEnd())
    Log(LogLevel::kWarn, "an archive does not answer and is left behind",
        {{"pg_cluster", worker_->cluster()}, {"archive", worker_->options().place.name}});
}

const std::string& ArchiveObserver::cluster() const { return worker_->cluster(); }
const ArchiveOptions& ArchiveObserver::options() const { return worker_->options(); }
std::shared_ptr<ArchiveExchange> ArchiveObserver::exchange() const { return worker_->exchange(); }

}  // namespace pgvigil::observe
