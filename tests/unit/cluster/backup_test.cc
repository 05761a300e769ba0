#include "cluster/backup.h"

#include <gtest/gtest.h>

namespace pgvigil::cluster {
namespace {

using base::WallTime;
using std::chrono::seconds;

TEST(BackupTest, CanBeRestoredFromItsEndOrItsLastCommitOnWhicheverIsLater) {
  Backup backup;
  backup.last_commit = WallTime(seconds(50));
  EXPECT_FALSE(RestorableFrom(backup)) << "when it ended is not known";
  backup.end_time = WallTime(seconds(100));
  EXPECT_EQ(RestorableFrom(backup), WallTime(seconds(100)));
  backup.last_commit = WallTime(seconds(101));
  EXPECT_EQ(RestorableFrom(backup), WallTime(seconds(101)));
}

}  // namespace
}  // namespace pgvigil::cluster
