#include "cluster/objectives.h"

#include <gtest/gtest.h>

namespace pgvigil::cluster {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ObjectivesTest, DefaultsAreThoseOfTheConfigurationReference) {
  const auto defaults = Objectives::Defaults();
  EXPECT_EQ(defaults.rpo_primary, seconds(30));
  EXPECT_EQ(defaults.rto, minutes(2));
  EXPECT_EQ(defaults.replication_lag, seconds(30));
  EXPECT_EQ(defaults.replication_lag_bytes, 256ULL << 20);
  EXPECT_EQ(defaults.slot_retained_bytes, 8ULL << 30);
  EXPECT_EQ(defaults.recovery_window, hours(7 * 24));
  EXPECT_EQ(defaults.connection_usage, 0.8);
}

TEST(ObjectivesTest, WhatFollowsTheClusterOrMustBeDeclaredHasNoDefault) {
  const auto defaults = Objectives::Defaults();
  EXPECT_FALSE(defaults.rpo_site);
  EXPECT_FALSE(defaults.backup_age);
  EXPECT_FALSE(defaults.restore_drill_age);
}

TEST(ObjectivesTest, EachMemberFallsBackAlone) {
  Objectives fallback;
  fallback.rpo_primary = seconds(1);
  fallback.rpo_site = seconds(2);
  fallback.rto = seconds(3);
  fallback.replication_lag = seconds(4);
  fallback.replication_lag_bytes = 5;
  fallback.slot_retained_bytes = 6;
  fallback.backup_age = seconds(7);
  fallback.recovery_window = seconds(8);
  fallback.restore_drill_age = seconds(9);
  fallback.connection_usage = 0.1;

  const auto all = Objectives{}.Or(fallback);
  EXPECT_EQ(all.rpo_primary, seconds(1));
  EXPECT_EQ(all.rpo_site, seconds(2));
  EXPECT_EQ(all.rto, seconds(3));
  EXPECT_EQ(all.replication_lag, seconds(4));
  EXPECT_EQ(all.replication_lag_bytes, 5U);
  EXPECT_EQ(all.slot_retained_bytes, 6U);
  EXPECT_EQ(all.backup_age, seconds(7));
  EXPECT_EQ(all.recovery_window, seconds(8));
  EXPECT_EQ(all.restore_drill_age, seconds(9));
  EXPECT_EQ(all.connection_usage, 0.1);

  Objectives own;
  own.rto = seconds(30);
  own.slot_retained_bytes = 0;  // declared, though nothing
  const auto mixed = own.Or(fallback);
  EXPECT_EQ(mixed.rto, seconds(30));
  EXPECT_EQ(mixed.slot_retained_bytes, 0U);
  EXPECT_EQ(mixed.rpo_site, seconds(2));
  EXPECT_FALSE(own.Or({}).rpo_site);
}

}  // namespace
}  // namespace pgvigil::cluster
