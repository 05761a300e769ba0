#include "scrape/scraper.h"

#include <algorithm>
#include <condition_variable>

#include "metrics/gzip.h"
#include "scrape/families_scrape.h"
#include "scrape/page.h"

namespace pgvigil::scrape {
namespace {

// A run ends at its deadline by closing sockets, which takes the loop a moment; the waiter allows for it.
constexpr auto kGrace = std::chrono::milliseconds(150);

constexpr std::size_t kLeastSeriesLimit = 200'000;
constexpr std::size_t kSeriesPerInstance = 2000;

std::size_t SeriesLimit(const Plan& plan) {
  if (plan.options.series_per_page > 0) return plan.options.series_per_page;
  std::size_t instances = 0;
  for (const auto& cluster : plan.instances->clusters) instances += cluster.instances.size();
  return std::max(kLeastSeriesLimit, kSeriesPerInstance * instances);
}

std::string Qualified(const cluster::ClusterName& name) {
  return name.space.empty() ? name.name : name.space + "/" + name.name;
}

// Every wanted name must be one of `known`, or the request is a mistake worth saying.
base::Status AllKnown(std::string_view parameter, const std::vector<std::string>& wanted,
                      const std::vector<std::string>& known) {
  for (const auto& name : wanted) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string all;
    for (const auto& candidate : known) all += (all.empty() ? "" : ", ") + candidate;
    return base::Error{
        base::ErrorKind::kNotFound, std::string(parameter) + " is not configured; there are: " + all, name, {}};
  }
  return base::Done{};
}

base::Status AllKnown(const Filter& filter, const Plan& plan) {
  std::vector<std::string> clusters, instances, queries;
  if (filter.clusters.empty() && filter.targets.empty() && filter.collect.empty()) return base::Done{};
  for (const auto& cluster : plan.instances->clusters) {
    clusters.push_back(cluster.name.name);
    if (!cluster.name.space.empty()) clusters.push_back(Qualified(cluster.name));
    for (const auto& instance : cluster.instances) instances.push_back(instance.name);
  }
  for (const auto& definition : plan.catalog->definitions()) queries.push_back(definition->id);
  for (const auto& status :
       {AllKnown("cluster", filter.clusters, clusters), AllKnown("target", filter.targets, instances),
        AllKnown("query in collect[]", filter.collect, queries)}) {
    if (!status.ok()) return status;
  }
  return base::Done{};
}

bool Wanted(const std::vector<std::string>& wanted, const std::string& name) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

}  // namespace

// What one request waits for. Shared with the runs' callbacks, which may come after it has left.
struct Scraper::Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<const RunResult>> results;
  std::vector<bool> done;
  std::size_t left = 0;
  bool settled = false;  // what was not done has been asked for its state so far
  base::SteadyTime until{};

  bool complete() const { return left == 0 || settled; }
  // Until all is there or it is time to leave, which may be brought forward meanwhile.
  void Await(std::unique_lock<std::mutex>& lock) {
    while (!complete() && std::chrono::steady_clock::now() < until) changed.wait_until(lock, until);
  }
};

Scraper::Scraper(postgres::Connector& connector, observe::Observer& observer, metrics::Self& self)
    : connector_(connector), observer_(observer), self_(self) {
  InitialiseCounters(self_);
}

Scraper::~Scraper() {
  connector_.loop().Call([this] { runs_.clear(); });
}

void Scraper::Configure(Plan plan) {
  const auto next = std::make_shared<const Plan>(std::move(plan));
  connector_.loop().Call([&] {
    auto before = std::move(runs_);
    runs_.clear();
    for (const auto& cluster : next->instances->clusters) {
      for (const auto& instance : cluster.instances) {
        const Key key(cluster.name, instance.name);
        const auto kept = before.find(key);
        auto& runs = runs_[key];
        if (kept != before.end() && observe::SameServer(kept->second->instance(), instance)) {
          runs = std::move(kept->second);
          before.erase(kept);
        } else {
          runs = std::make_unique<InstanceRuns>(connector_, observer_, cluster.name, instance, self_);
        }
        runs->Configure(next->catalog, next->options);
      }
    }
  });
  plan_.Set(next);
}

base::Result<Selection> Scraper::Select(const Filter& filter) const {
  Selection selection;
  selection.plan = plan_.Get();
  const auto& clusters = selection.plan->instances->clusters;
  if (const auto known = AllKnown(filter, *selection.plan); !known.ok()) return known.error();
  if (!filter.collect.empty()) selection.set = QuerySet::Of({filter.collect.begin(), filter.collect.end()});
  selection.key = selection.set.Key();
  for (std::size_t c = 0; c < clusters.size(); ++c) {
    if (!Wanted(filter.clusters, clusters[c].name.name) && !Wanted(filter.clusters, Qualified(clusters[c].name)))
      continue;
    std::vector<std::size_t> instances;
    for (std::size_t i = 0; i < clusters[c].instances.size(); ++i) {
      if (Wanted(filter.targets, clusters[c].instances[i].name)) instances.push_back(i);
    }
    if (instances.empty()) continue;
    selection.clusters.push_back(c);
    selection.instances.emplace(c, std::move(instances));
  }
  return selection;
}

// On the loop: calls `ask` for each slot with the runs of its instance, null if a reload has removed them.
void Scraper::ForEach(const Selection& selection, const std::function<void(std::size_t, InstanceRuns*)>& ask) {
  std::size_t slot = 0;
  for (const auto& [c, instances] : selection.instances) {
    const auto& cluster = selection.plan->instances->clusters[c];
    for (const auto i : instances) {
      const auto runs = runs_.find({cluster.name, cluster.instances[i].name});
      ask(slot++, runs == runs_.end() ? nullptr : runs->second.get());
    }
  }
}

std::shared_ptr<Scraper::Waiting> Scraper::BeginToWait(const Selection& selection, base::Deadline deadline) {
  auto waiting = std::make_shared<Waiting>();
  for (const auto& [cluster, instances] : selection.instances) waiting->left += instances.size();
  waiting->results.resize(waiting->left);
  waiting->done.resize(waiting->left);
  const std::lock_guard lock(waiting_mutex_);
  waiting->until = std::min(deadline.at() + kGrace, leave_by_);
  waiting_.insert(waiting);
  return waiting;
}

void Scraper::LeaveBy(base::SteadyTime when) {
  const std::lock_guard lock(waiting_mutex_);
  leave_by_ = when;
  for (const auto& waiting : waiting_) {
    const std::lock_guard own(waiting->mutex);
    waiting->until = std::min(waiting->until, when);
    waiting->changed.notify_all();
  }
}

std::vector<std::shared_ptr<const RunResult>> Scraper::AwaitRuns(const Selection& selection, base::Deadline deadline) {
  const auto waiting = BeginToWait(selection, deadline);
  connector_.loop().Post([this, selection, deadline, waiting] {
    ForEach(selection, [&](std::size_t slot, InstanceRuns* runs) {
      const auto done = [waiting, slot](std::shared_ptr<const RunResult> result) {
        const std::lock_guard lock(waiting->mutex);
        waiting->results[slot] = std::move(result);
        waiting->done[slot] = true;
        if (--waiting->left == 0) waiting->changed.notify_all();
      };
      if (runs == nullptr) return done(nullptr);
      runs->Join(selection.set, deadline, done);
    });
  });
  std::unique_lock lock(waiting->mutex);
  waiting->Await(lock);
  lock.unlock();
  {
    const std::lock_guard left(waiting_mutex_);
    waiting_.erase(waiting);
  }
  lock.lock();
  if (waiting->complete()) return waiting->results;
  // Another waiter may have prolonged a run beyond this one's deadline: that the instance is silent is known all the
  // same.
  lock.unlock();
  connector_.loop().Post([this, selection, waiting] {
    ForEach(selection, [&](std::size_t slot, InstanceRuns* runs) {
      const auto so_far = runs == nullptr ? nullptr : runs->SoFar(selection.set);
      const std::lock_guard late(waiting->mutex);
      if (!waiting->done[slot]) waiting->results[slot] = so_far;
    });
    const std::lock_guard late(waiting->mutex);
    waiting->settled = true;
    waiting->changed.notify_all();
  });
  lock.lock();
  waiting->changed.wait_for(lock, kGrace, [&] { return waiting->complete(); });
  return waiting->results;
}

std::shared_ptr<const std::string> Scraper::Scrape(const Selection& selection, Encoding encoding,
                                                   base::Deadline deadline) {
  const auto started = connector_.loop().clock().Steady();
  const auto results = AwaitRuns(selection, deadline);
  const auto make = [&] {
    PageParts parts;
    parts.now = connector_.loop().clock().Steady();
    parts.wall = connector_.loop().clock().Wall();
    parts.series_limit = SeriesLimit(*selection.plan);
    parts.requests = observer_.requests();
    std::size_t slot = 0;
    for (const auto& [c, instances] : selection.instances) {
      const auto& cluster = selection.plan->instances->clusters[c];
      for (const auto i : instances)
        parts.instances.push_back({&cluster.name, &cluster.instances[i].name, results[slot++]});
    }
    for (const auto& view : observer_.Fleet()) {
      const auto named = [&](std::size_t c) { return selection.plan->instances->clusters[c].name == view->state.name; };
      if (std::any_of(selection.clusters.begin(), selection.clusters.end(), named)) parts.clusters.push_back(view);
    }
    ReportLoopLag(self_, connector_.loop().TakeLag());
    auto page = MakePage(parts, self_);
    SayDuplicates(page, parts.now);
    CountPage(self_, {connector_.loop().clock().Steady() - started, page.series});
    return encoding == Encoding::kGzip ? metrics::Gzip(page.text) : std::move(page.text);
  };
  // Runs are what makes one page another: a page that lacks one cannot be told from others that lack one.
  const auto missing = std::count(results.begin(), results.end(), nullptr);
  if (results.empty() || missing > 0) return std::make_shared<const std::string>(make());
  std::string key = selection.key + (encoding == Encoding::kGzip ? "\ngzip" : "\nplain");
  for (const auto& result : results) key += "," + std::to_string(result->id);
  return pages_.Get(key, make);
}

void Scraper::SayDuplicates(const metrics::Page& page, base::SteadyTime now) {
  if (page.duplicates == 0) return;
  const auto held_back = throttle_.Admit(page.first_duplicate, now);
  if (!held_back) return;
  base::Log(base::LogLevel::kWarn, "series that another query or database gave already are dropped",
            {{"family", page.first_duplicate}, {"series", page.duplicates}, {"repeated", *held_back}});
}

}  // namespace pgvigil::scrape
