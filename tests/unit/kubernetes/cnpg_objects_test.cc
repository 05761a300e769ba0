#include "kubernetes/cnpg_objects.h"

#include <gtest/gtest.h>

namespace pgvigil::kubernetes {
namespace {

cluster::CnpgCluster ClusterOf(std::string_view text) { return DecodeCluster(*json::Parse(text)); }
cluster::InstancePod PodOf(std::string_view text) { return DecodePod(*json::Parse(text)); }

TEST(CnpgObjectsTest, AClusterThatIsFailingOver) {
  const auto facts = ClusterOf(R"({
    "metadata": {"name": "orders", "namespace": "shop", "uid": "u",
                 "annotations": {"cnpg.io/fencedInstances": "[\"*\"]", "alpha.cnpg.io/failoverQuorum": "t",
                                 "pgvigil.io/rto": "5m", "argocd.io/x": "y", "notcnpg.io/x": "y", "cnpg.io": "z"}},
    "spec": {"instances": 3},
    "status": {"readyInstances": 2, "instanceNames": ["orders-1", "orders-2"], "currentPrimary": "orders-1",
               "targetPrimary": "pending", "currentPrimaryTimestamp": "2026-11-27T02:13:07.123456Z",
               "targetPrimaryTimestamp": "2026-11-27T02:14:00Z", "timelineID": 3, "phase": "Failing over",
               "phaseReason": "why", "image": "postgres:18",
               "conditions": [{"type": "Ready", "status": "False", "reason": "ClusterIsNotReady",
                               "lastTransitionTime": "2026-11-27T02:14:01Z"}]}})");
  EXPECT_EQ(facts.name, "orders");
  EXPECT_EQ(facts.uid, "u");
  EXPECT_EQ(facts.annotations.size(), 4U);
  EXPECT_FALSE(facts.annotations.contains("argocd.io/x") || facts.annotations.contains("notcnpg.io/x"));
  EXPECT_EQ(facts.declared, 3U);
  EXPECT_EQ(facts.ready, 2U);
  EXPECT_EQ(facts.target_primary, "pending");
  EXPECT_EQ(*facts.target_primary_since - *facts.current_primary_since, std::chrono::microseconds(52'876'544));
  EXPECT_EQ(facts.timeline, 3U);
  EXPECT_EQ(facts.phase_reason, "why");
  ASSERT_EQ(facts.conditions.size(), 1U);
  EXPECT_EQ(facts.conditions[0].reason, "ClusterIsNotReady");
  EXPECT_EQ(*facts.conditions[0].changed - *facts.target_primary_since, std::chrono::seconds(1));
}

TEST(CnpgObjectsTest, WhatIsAbsentOrOfAnotherFormIsAbsent) {
  for (const auto* text : {"{}", "[]", R"({"metadata": [], "spec": 7, "status": "x"})",
                           R"({"metadata": {"annotations": []}, "spec": {"instances": "3", "replica": 1},
                               "status": {"instanceNames": "x", "conditions": {"type": "Ready"}, "timelineID": -1,
                                          "currentPrimaryTimestamp": "yesterday", "readyInstances": null}})"}) {
    EXPECT_EQ(ClusterOf(text), cluster::CnpgCluster()) << text;
    EXPECT_EQ(PodOf(text), cluster::InstancePod()) << text;
  }
}

TEST(CnpgObjectsTest, APodIsReadyByItsConditionAndTerminatesFromItsDeletionOn) {
  const auto facts = PodOf(R"({
    "metadata": {"name": "orders-1", "namespace": "shop", "deletionTimestamp": "2026-11-27T02:14:00Z",
                 "labels": {"cnpg.io/cluster": "orders", "cnpg.io/instanceRole": "unhealthy"}},
    "spec": {"nodeName": "node-a"},
    "status": {"podIP": "10.0.0.7", "conditions": [{"type": "Initialized", "status": "True"},
                                                    {"type": "Ready", "status": "False"}],
               "containerStatuses": [{"restartCount": 2}, {"restartCount": 1}, {}]}})");
  EXPECT_EQ(facts,
            (cluster::InstancePod{"shop", "orders-1", "orders", "10.0.0.7", "node-a", "unhealthy", false, true, 3}));
}

}  // namespace
}  // namespace pgvigil::kubernetes
