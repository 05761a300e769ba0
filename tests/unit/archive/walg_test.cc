#include "archive/walg.h"

#include <gtest/gtest.h>

#include "archive/walg_sentinel.h"
#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

using cluster::BackupOutcome;

const std::string kFull = "base_000000010000000000000005";
const std::string kDelta = "base_000000010000000000000007_D_000000010000000000000005";

class WalgTest : public testing::Test {
 protected:
  WalgTest() {
    clock_.Advance(At("2026-11-23T07:10:00Z") - clock_.Wall());
    disk_.PutListing(Fixture("walg/prefix.ls"));
    PutSentinel(kFull, Fixture("walg/full.json"));
    PutSentinel(kDelta, Fixture("walg/delta.json"));
    options_.segment_size = *wal::SegmentSize::FromBytes(16 * kMiB);
    store_ = disk_.Open();
    reader_ = MakeWalgReader(store_, "/pre/", clock_);
  }
  static std::string Sentinel(const std::string& name) {
    return "pre/basebackups_005/" + name + "_backup_stop_sentinel.json";
  }
  void PutSentinel(const std::string& name, const std::string& text) {
    disk_.Put(Sentinel(name), text, At("2026-11-23T07:06:52Z"));
  }
  std::vector<cluster::Backup> Pass() {
    store_->Forget();
    const auto contents = reader_->Pass(options_);
    EXPECT_TRUE(contents.ok()) << contents.error().message;
    if (!contents.ok()) return {};
    wal_ = (*contents)->wal;
    EXPECT_EQ((*contents)->catalogue.backups.size(), 2U);
    return (*contents)->catalogue.backups;
  }

  fakes::ManualClock clock_;
  ArchiveOnDisk disk_;
  PassOptions options_;
  std::shared_ptr<fakes::CountingStore> store_;
  std::unique_ptr<Reader> reader_;
  cluster::WalInventory wal_;
};

TEST_F(WalgTest, ReadsAFullBackupAndItsDelta) {
  const auto backups = Pass();
  EXPECT_EQ(backups[0].id, kFull);
  EXPECT_EQ(backups[0].method, cluster::BackupMethod::kWalg);
  EXPECT_EQ(backups[0].outcome, BackupOutcome::kDone);
  EXPECT_EQ(backups[0].begin, wal::Lsn{0x5000028});
  EXPECT_EQ(backups[0].end, wal::Lsn{0x5000100});
  EXPECT_EQ(backups[0].begin_timeline, 1U);
  EXPECT_EQ(backups[0].end_time, At("2026-11-23T07:06:50Z") + std::chrono::microseconds(140766));
  EXPECT_EQ(backups[0].system_identifier, "7711259899785362986");
  EXPECT_TRUE(backups[0].flaws.empty());
  EXPECT_EQ(backups[1].id, kDelta);
  EXPECT_EQ(backups[1].type, cluster::BackupType::kIncr);
  EXPECT_EQ(backups[1].needs, std::vector<std::string>{kFull});
  EXPECT_EQ(backups[1].label, "who=nightly");
  EXPECT_EQ(backups[1].keep, "full");
  EXPECT_EQ(wal_.stored.size(), 6U);
  EXPECT_EQ(reader_->Place(), disk_.root().string() + "/pre");
}

TEST_F(WalgTest, ReadsASentinelOnce) {
  Pass();
  Pass();
  EXPECT_EQ(store_->gets, 0);
}

TEST_F(WalgTest, WithoutASentinelABackupHasNoMetadata) {
  disk_.Remove(Sentinel(kDelta));
  EXPECT_EQ(Pass()[1].outcome, BackupOutcome::kNoMetadata);
}

TEST_F(WalgTest, ASentinelThatMakesNoSenseCostsItsBackupAlone) {
  PutSentinel(kFull, "{\"LSN\": \"0/5000028\"}");
  const auto backups = Pass();
  EXPECT_EQ(backups[0].outcome == BackupOutcome::kUnreadable ? backups[0].id : backups[1].id, kFull);
}

TEST_F(WalgTest, NamesPartsThatAreMissingOrEmpty) {
  const auto folder = "pre/basebackups_005/" + kFull + "/tar_partitions";
  disk_.Put(folder + "/part_001.tar.lz4", "", clock_.Wall());
  EXPECT_EQ(Pass()[0].flaws, std::vector<std::string>{"one of its tar_partitions is empty"});
  disk_.Remove(folder);
  EXPECT_EQ(Pass()[0].flaws, std::vector<std::string>{"its tar_partitions are missing"});
}

TEST_F(WalgTest, BrotliAndLzmaCountByTheirNames) {
  disk_.PutSize("pre/wal_005/000000010000000000000008.br", 9, clock_.Wall());
  disk_.PutSize("pre/wal_005/000000010000000000000009.lzma", 9, clock_.Wall());
  Pass();
  EXPECT_EQ(wal_.stored.size(), 8U);
  EXPECT_EQ(reader_->ReadSegment({1, 8}, std::chrono::seconds(5)).error().kind, base::ErrorKind::kMalformed);
}

TEST(WalgSentinelTest, RejectsWhatIsNone) {
  for (const char* text : {"", "[]", "{}", "{\"LSN\": 5}", "{\"LSN\": -1, \"FinishLSN\": 2}"})
    EXPECT_FALSE(ParseWalgSentinel(kFull, text, "s").ok()) << text;
  EXPECT_FALSE(WalgTimeline("base_0000000100000000"));
  EXPECT_FALSE(WalgTimeline("data_000000010000000000000005"));
}

}  // namespace
}  // namespace pgvigil::archive
