#include "kubernetes/cnpg_objects.h"

#include "base/timestamps.h"

namespace pgvigil::kubernetes {
namespace {

using json::Items;
using json::Member;
using json::NumberOf;
using json::TextOf;
using json::Value;

// A member on the way down; null where the way ends before.
const Value& At(const Value& object, std::initializer_list<const char*> path) {
  const Value* at = &object;
  for (const char* member : path) at = &Member(*at, member);
  return *at;
}

std::optional<base::WallTime> TimeOf(const Value& value) { return base::ParseIsoTime(TextOf(value)); }

std::map<std::string, std::string> OwnAnnotations(const Value& annotations) {
  std::map<std::string, std::string> own;
  if (!annotations.is_object()) return own;
  for (const auto& [name, value] : annotations.items()) {
    const auto domain = std::string_view(name).substr(0, name.find('/'));
    if (domain == "pgvigil.io" || domain == "cnpg.io" || domain.ends_with(".cnpg.io")) own[name] = TextOf(value);
  }
  return own;
}

// A replica cluster follows another one: by the older switch, or by a primary that is not itself.
bool IsReplica(const Value& replica, const std::string& name) {
  if (const auto& enabled = Member(replica, "enabled"); enabled.is_boolean()) return enabled.get<bool>();
  const auto primary = TextOf(Member(replica, "primary"));
  if (primary.empty()) return false;
  const auto self = TextOf(Member(replica, "self"));
  return primary != (self.empty() ? name : self);
}

std::vector<cluster::Condition> Conditions(const Value& list) {
  std::vector<cluster::Condition> conditions;
  for (const auto& item : Items(list)) {
    conditions.push_back({TextOf(Member(item, "type")), TextOf(Member(item, "status")), TextOf(Member(item, "reason")),
                          TimeOf(Member(item, "lastTransitionTime"))});
  }
  return conditions;
}

}  // namespace

Resource Clusters() {
  return {"/apis/postgresql.cnpg.io/v1",
          "clusters",
          {"metadata.annotations", "spec.instances", "spec.replica", "status.readyInstances", "status.instanceNames",
           "status.currentPrimary", "status.targetPrimary", "status.currentPrimaryTimestamp",
           "status.targetPrimaryTimestamp", "status.timelineID", "status.phase", "status.phaseReason", "status.image",
           "status.conditions.type", "status.conditions.status", "status.conditions.reason",
           "status.conditions.lastTransitionTime"}};
}

cluster::CnpgCluster DecodeCluster(const Value& object) {
  cluster::CnpgCluster facts;
  const auto &metadata = Member(object, "metadata"), &spec = Member(object, "spec"), &status = Member(object, "status");
  facts.space = TextOf(Member(metadata, "namespace"));
  facts.name = TextOf(Member(metadata, "name"));
  facts.uid = TextOf(Member(metadata, "uid"));
  facts.annotations = OwnAnnotations(Member(metadata, "annotations"));
  facts.declared = NumberOf(Member(spec, "instances"));
  facts.replica = IsReplica(Member(spec, "replica"), facts.name);
  facts.ready = NumberOf(Member(status, "readyInstances"));
  for (const auto& name : Items(Member(status, "instanceNames"))) facts.instances.push_back(TextOf(name));
  facts.current_primary = TextOf(Member(status, "currentPrimary"));
  facts.target_primary = TextOf(Member(status, "targetPrimary"));
  facts.current_primary_since = TimeOf(Member(status, "currentPrimaryTimestamp"));
  facts.target_primary_since = TimeOf(Member(status, "targetPrimaryTimestamp"));
  facts.timeline = NumberOf(Member(status, "timelineID"));
  facts.phase = TextOf(Member(status, "phase"));
  facts.phase_reason = TextOf(Member(status, "phaseReason"));
  facts.image = TextOf(Member(status, "image"));
  facts.conditions = Conditions(Member(status, "conditions"));
  return facts;
}

Resource Pods() {
  return {"/api/v1",
          "pods",
          {"metadata.labels", "metadata.deletionTimestamp", "spec.nodeName", "status.podIP", "status.conditions.type",
           "status.conditions.status", "status.containerStatuses.restartCount"}};
}

cluster::InstancePod DecodePod(const Value& object) {
  cluster::InstancePod facts;
  const auto &metadata = Member(object, "metadata"), &status = Member(object, "status");
  const auto& labels = Member(metadata, "labels");
  facts.space = TextOf(Member(metadata, "namespace"));
  facts.name = TextOf(Member(metadata, "name"));
  facts.cluster = TextOf(Member(labels, std::string(kClusterLabel).c_str()));
  facts.role = TextOf(Member(labels, "cnpg.io/instanceRole"));
  facts.ip = TextOf(Member(status, "podIP"));
  facts.node = TextOf(At(object, {"spec", "nodeName"}));
  facts.terminating = !TextOf(Member(metadata, "deletionTimestamp")).empty();
  for (const auto& condition : Items(Member(status, "conditions"))) {
    if (TextOf(Member(condition, "type")) == "Ready") facts.ready = TextOf(Member(condition, "status")) == "True";
  }
  for (const auto& container : Items(Member(status, "containerStatuses")))
    facts.restarts += NumberOf(Member(container, "restartCount")).value_or(0);
  return facts;
}

}  // namespace pgvigil::kubernetes
