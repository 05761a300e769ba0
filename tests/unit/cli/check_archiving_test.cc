#include "cli/check_archiving.h"

#include <gtest/gtest.h>

namespace pgvigil::cli {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A cluster with one archive, and a server that archives at least every five minutes.
struct Archiving {
  observe::ClusterOptions cluster;
  cluster::InstanceSettings settings;

  Archiving() {
    cluster.name.name = "orders";
    cluster.archives.resize(1);
    settings.archive_mode = "on";
    settings.archive_timeout = minutes(5);
  }
  std::vector<std::string> Doubts() const { return ArchivingDoubts(settings, cluster); }
};

TEST(ArchivingDoubtsTest, AnObjectiveBelowArchiveTimeoutCannotBeMet) {
  Archiving archiving;
  archiving.cluster.objectives.rpo_site = minutes(5);
  EXPECT_TRUE(archiving.Doubts().empty());
  archiving.cluster.objectives.rpo_site = seconds(299);
  ASSERT_EQ(archiving.Doubts().size(), 1U);
  EXPECT_EQ(archiving.Doubts()[0].substr(0, archiving.Doubts()[0].find(':')),
            "objectives.rpo_site of cluster orders is 299s, below archive_timeout, which is 5m");
}

TEST(ArchivingDoubtsTest, TheDefaultObjectiveFollowsArchiveTimeout) { EXPECT_TRUE(Archiving().Doubts().empty()); }

TEST(ArchivingDoubtsTest, WithoutArchiveTimeoutAnIdleServerKeepsItsLastCommits) {
  Archiving archiving;
  archiving.settings.archive_timeout = seconds(0);
  ASSERT_EQ(archiving.Doubts().size(), 1U);
  EXPECT_EQ(archiving.Doubts()[0].rfind("archive_timeout is 0: ", 0), 0U);
  archiving.cluster.objectives.rpo_site = minutes(1);
  EXPECT_EQ(archiving.Doubts().size(), 1U) << "one cause, said once";
  archiving.settings.archive_mode = "always";
  EXPECT_EQ(archiving.Doubts().size(), 1U);
}

TEST(ArchivingDoubtsTest, WhereNothingIsArchivedThereIsNothingToSay) {
  Archiving archiving;
  archiving.settings.archive_timeout = seconds(0);
  archiving.settings.archive_mode = "off";
  EXPECT_TRUE(archiving.Doubts().empty()) << "pg_receivewal does not wait for a segment to be full";
  archiving.settings.archive_mode = "on";
  archiving.cluster.archives.clear();
  EXPECT_TRUE(archiving.Doubts().empty());
}

}  // namespace
}  // namespace pgvigil::cli
