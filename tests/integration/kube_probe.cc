// Follows the objects of an API server by hand: what tests/integration/test_kubernetes.py looks through.
//
//   kube_probe KUBECONFIG [NAMESPACE]
//
// One line of JSON whenever something changed, until standard input ends: what is known of each kind (null before its
// first list was complete), and whether the API server tells of it.
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "base/text.h"
#include "http/client.h"
#include "kubernetes/access.h"
#include "kubernetes/cnpg_objects.h"
#include "kubernetes/watch.h"

namespace {

using namespace pgvigil;
using Json = nlohmann::json;

Json ToJson(const cluster::CnpgCluster& facts) {
  Json conditions = Json::object();
  for (const auto& condition : facts.conditions) conditions[condition.type] = condition.status + " " + condition.reason;
  Json json{{"uid", facts.uid},
            {"annotations", facts.annotations},
            {"replica", facts.replica},
            {"instances", facts.instances},
            {"current", facts.current_primary},
            {"target", facts.target_primary},
            {"phase", facts.phase},
            {"conditions", conditions}};
  if (facts.declared) json["declared"] = *facts.declared;
  if (facts.ready) json["ready"] = *facts.ready;
  if (facts.timeline) json["timeline"] = *facts.timeline;
  if (facts.current_primary_since) json["current_since"] = facts.current_primary_since->time_since_epoch().count();
  return json;
}

Json ToJson(const cluster::InstancePod& facts) {
  return {{"cluster", facts.cluster},  {"ip", facts.ip},       {"node", facts.node},
          {"role", facts.role},        {"ready", facts.ready}, {"terminating", facts.terminating},
          {"restarts", facts.restarts}};
}

template <typename Map>
Json ToJson(const std::shared_ptr<const Map>& facts) {
  if (!facts) return nullptr;
  Json json = Json::object();
  for (const auto& [key, value] : *facts) json[key.first + "/" + key.second] = ToJson(*value);
  return json;
}

Json ToJson(const cluster::SourceState& state) {
  Json json{{"up", state.up}};
  if (!state.up && state.error) json["error"] = base::Name(state.error->kind);
  if (!state.up && state.error) json["message"] = base::ValidUtf8(state.error->message);
  return json;
}

class Probe {
 public:
  Probe(http::Client& client, const kubernetes::Access& access, const std::string& space)
      : client_(client),
        clusters_(std::make_shared<kubernetes::FactsOf<cluster::CnpgCluster>>(&kubernetes::DecodeCluster,
                                                                              [this] { Tell(); })),
        pods_(std::make_shared<kubernetes::FactsOf<cluster::InstancePod>>(&kubernetes::DecodePod, [this] { Tell(); })) {
    const auto shared = std::make_shared<const kubernetes::Access>(access);
    const auto tell = [this] { Tell(); };
    watches_ = {
        std::make_shared<kubernetes::Watch>(client, shared, kubernetes::WatchOptions{kubernetes::Clusters(), space, {}},
                                            clusters_, tell),
        std::make_shared<kubernetes::Watch>(
            client, shared, kubernetes::WatchOptions{kubernetes::Pods(), space, std::string(kubernetes::kInstancePods)},
            pods_, tell)};
    for (const auto& watch : watches_) watch->Start();
  }
  ~Probe() {
    client_.Call([this] { watches_.clear(); });
  }

 private:
  void Tell() {
    const Json line{{"clusters", ToJson(clusters_->Get())},
                    {"pods", ToJson(pods_->Get())},
                    {"states", {{"clusters", ToJson(watches_[0]->state())}, {"pods", ToJson(watches_[1]->state())}}}};
    std::cout << line.dump() << std::endl;
  }

  http::Client& client_;
  std::shared_ptr<kubernetes::FactsOf<cluster::CnpgCluster>> clusters_;
  std::shared_ptr<kubernetes::FactsOf<cluster::InstancePod>> pods_;
  std::vector<std::shared_ptr<kubernetes::Watch>> watches_;
};

int Run(const std::string& kubeconfig, const std::string& space) {
  const auto access = kubernetes::FromKubeconfig(kubeconfig);
  if (!access.ok()) {
    std::cerr << access.error().subject << ": " << access.error().message << "\n";
    return 2;
  }
  http::Client client;
  const Probe probe(client, *access, space);
  for (std::string line; std::getline(std::cin, line);) {
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    return Run(count > 1 ? words[1] : "", count > 2 ? words[2] : "");
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << "\n";
    return 2;
  }
}
