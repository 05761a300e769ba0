#include "observe/observer.h"

#include <algorithm>

namespace pgvigil::observe {

Observer::Observer(postgres::Connector& connector, std::shared_ptr<objectstore::RequestCounts> requests,
                   failover::Journal* journal)
    : connector_(connector),
      requests_(std::move(requests)),
      journal_(journal),
      views_(std::make_shared<const Views>()) {}

Observer::~Observer() {
  connector_.loop().Call([this] { clusters_.clear(); });
}

// The one of before if it reads the same place on the same terms.
std::shared_ptr<ArchiveExchange> Observer::Archive(const std::string& cluster, const ArchiveOptions& wanted,
                                                   std::vector<std::unique_ptr<ArchiveObserver>>& before) {
  const auto kept = std::find_if(before.begin(), before.end(), [&](const auto& old) {
    return old && old->cluster() == cluster && old->options() == wanted;
  });
  archives_.push_back(kept != before.end()
                          ? std::move(*kept)
                          : std::make_unique<ArchiveObserver>(cluster, wanted, requests_, connector_.loop().clock()));
  return archives_.back()->exchange();
}

void Observer::Configure(std::shared_ptr<const Options> options) {
  auto archives_before = std::move(archives_);
  archives_.clear();
  std::vector<std::vector<std::shared_ptr<ArchiveExchange>>> exchanges;
  for (const auto& cluster : options->clusters) {
    auto& own = exchanges.emplace_back();
    const auto name = cluster.name.space.empty() ? cluster.name.name : cluster.name.space + "/" + cluster.name.name;
    for (const auto& archive : cluster.archives) own.push_back(Archive(name, archive, archives_before));
  }
  connector_.loop().Call([&] {
    auto before = std::move(clusters_);
    clusters_.clear();
    Views views;
    for (const auto& wanted : options->clusters) {
      const auto kept = std::find_if(before.begin(), before.end(),
                                     [&](const auto& old) { return old && old->name() == wanted.name; });
      if (kept != before.end()) {
        clusters_.push_back(std::move(*kept));
      } else {
        clusters_.push_back(std::make_unique<ClusterObserver>(connector_, journal_, [this] {
          const std::lock_guard lock(mutex_);
          changed_.notify_all();
        }));
      }
      clusters_.back()->Configure(wanted, std::move(exchanges[views.size()]), options->observe_primary,
                                  options->observe_standby);
      views.push_back(clusters_.back()->view());
    }
    views_.Set(std::move(views));
  });
}

FleetView Observer::Fleet() const {
  FleetView fleet;
  for (const auto& view : *views_.Get()) fleet.push_back(view->Get());
  return fleet;
}

void Observer::AwaitFirstRound(base::Deadline deadline) const {
  const auto tried = [this] {
    for (const auto& cluster : Fleet()) {
      const auto& instances = cluster->state.instances;
      const auto known = [](const cluster::InstanceState& instance) { return instance.sql.up || instance.sql.error; };
      if (!std::all_of(instances.begin(), instances.end(), known)) return false;
    }
    return true;
  };
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline.at(), tried);
}

InstanceObserver* Observer::Find(const cluster::ClusterName& cluster, const std::string& instance) {
  for (const auto& candidate : clusters_) {
    if (candidate->name() == cluster) return candidate->Find(instance);
  }
  return nullptr;
}

}  // namespace pgvigil::observe
