// The objects that are followed, and how facts are made of them. Pure.
// Source: CloudNativePG api/v1, config/crd/bases; Kubernetes core/v1.
#pragma once

#include "cluster/kubernetes_facts.h"
#include "json/fields.h"
#include "kubernetes/resource.h"

namespace pgvigil::kubernetes {

// Labels by which the operator marks what belongs to a cluster, and its instances among the pods.
inline constexpr std::string_view kClusterLabel = "cnpg.io/cluster";
inline constexpr std::string_view kInstancePods = "cnpg.io/podRole=instance";

Resource Clusters();
cluster::CnpgCluster DecodeCluster(const json::Value& object);

Resource Pods();
cluster::InstancePod DecodePod(const json::Value& object);

}  // namespace pgvigil::kubernetes
