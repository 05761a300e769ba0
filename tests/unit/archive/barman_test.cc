#include "archive/barman.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;
using testing::Test;

const std::string kServer = "cnpg/cluster-example";

class BarmanTest : public Test {
 protected:
  BarmanTest() { clock_.Advance(At("2026-11-23T06:53:00Z") - clock_.Wall()); }

  // As the samples' listing says, with the backup.info of each backup.
  void PutSample() {
    disk_.PutListing(Fixture("barman/timelines.ls"));
    Info(kServer, "20261123T064957", "20261123T064957", "06:50:03");
    Info(kServer, "20261123T065004", "20261123T065004", "06:50:04");
    Info(kServer, "20261123T065012", "20261123T064908", "06:50:12");
    Info(kServer, "20261123T065019", "20261123T064957", "06:50:21");
    Info(kServer, "20261123T065022", "20261123T065022", "06:50:24");
    Info("cnpg/standbycase", "20261123T065152", "20261123T064957", "06:51:59");
  }
  void Info(const std::string& server, const std::string& id, const std::string& fixture, const std::string& time) {
    PutInfo(server, id, Fixture("barman/backup.info." + fixture), time);
  }
  void PutInfo(const std::string& server, const std::string& id, const std::string& text, const std::string& time) {
    disk_.Put(server + "/base/" + id + "/backup.info", text, At("2026-11-23T" + time + "Z"));
  }
  void PutPart(const std::string& id, const std::string& name, std::uint64_t size = 10) {
    disk_.PutSize(kServer + "/base/" + id + "/" + name, size, At("2026-11-23T06:50:00Z"));
  }

  std::shared_ptr<const cluster::ArchiveContents> Pass(const std::string& server = kServer) {
    store_ = disk_.Open();
    reader_ = MakeBarmanReader(store_, server, clock_);
    return Again();
  }
  std::shared_ptr<const cluster::ArchiveContents> Again() {
    store_->Forget();
    const auto contents = reader_->Pass({});
    EXPECT_TRUE(contents.ok()) << contents.error().message << " " << contents.error().subject;
    return contents.ok() ? *contents : std::make_shared<cluster::ArchiveContents>();
  }
  // One whole backup "b", and what is wrong with it.
  std::vector<std::string> FlawsWith(const std::vector<std::pair<std::string, std::uint64_t>>& parts) {
    Info(kServer, "b", "20261123T064957", "06:50:03");
    for (const auto& [name, size] : parts) PutPart("b", name, size);
    const auto contents = Pass();
    EXPECT_EQ(contents->catalogue.backups.size(), 1U);
    return contents->catalogue.backups.empty() ? std::vector<std::string>{} : contents->catalogue.backups[0].flaws;
  }
  static const Backup& Of(const cluster::ArchiveContents& contents, std::string_view id) {
    static const Backup kNone;
    const auto& backups = contents.catalogue.backups;
    const auto found = std::find_if(backups.begin(), backups.end(), [&](const Backup& b) { return b.id == id; });
    EXPECT_NE(found, backups.end()) << id;
    return found == backups.end() ? kNone : *found;
  }

  fakes::ManualClock clock_;
  ArchiveOnDisk disk_;
  std::shared_ptr<fakes::CountingStore> store_;
  std::unique_ptr<Reader> reader_;
};

TEST_F(BarmanTest, ReadsAnArchiveOfSeveralBackupsAndTimelines) {
  PutSample();
  const auto contents = Pass();
  ASSERT_EQ(contents->catalogue.backups.size(), 5U);
  const auto& backup = Of(*contents, "20261123T064957");
  EXPECT_EQ(backup.outcome, BackupOutcome::kDone);
  EXPECT_EQ(backup.method, cluster::BackupMethod::kBarman);
  EXPECT_EQ(backup.type, cluster::BackupType::kFull);
  EXPECT_EQ(backup.label, "base-a");
  EXPECT_EQ(backup.place, kServer + "/base/20261123T064957/");
  EXPECT_EQ(backup.begin, wal::Lsn{0xA000028});
  EXPECT_EQ(backup.end, wal::Lsn{0xA000100});
  EXPECT_EQ(backup.stored_bytes, 2700173U + 6720091U + Fixture("barman/backup.info.20261123T064957").size());
  EXPECT_EQ(backup.first_stored, At("2026-11-23T06:50:03Z"));
  EXPECT_TRUE(backup.flaws.empty()) << backup.flaws[0];
  EXPECT_FALSE(backup.self_contained);
  EXPECT_EQ(contents->system_identifiers.size(), 2U);  // that of 064908 is another one's
  EXPECT_EQ(contents->began_at, clock_.Wall());
}

TEST_F(BarmanTest, ReadsTheWalOfTheSamples) {
  PutSample();
  const auto wal = Pass()->wal;
  ASSERT_TRUE(wal.segment_size);
  EXPECT_EQ(wal.segment_size->bytes(), 16 * kMiB);
  const auto all = wal.stored.Intervals();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].first, 1U);
  EXPECT_EQ(all[0].last, 0x16U);
  EXPECT_EQ(all[0].last_stored, At("2026-11-23T06:51:45Z"));
  EXPECT_EQ(all[1].timeline, 2U);
  EXPECT_EQ(all[1].first, 0x14U);
  EXPECT_EQ(all[1].last, 0x15U);
  ASSERT_EQ(wal.histories.count(2), 1U);
  // The listing's files are zeros: a history that is there and makes no sense.
  EXPECT_FALSE(wal.histories.at(2).history);
  EXPECT_TRUE(wal.histories.at(2).error);
}

TEST_F(BarmanTest, ReadsTheHistoriesOfTheSamples) {
  PutSample();
  for (const std::string server : {"cluster-example", "standbycase"}) {
    disk_.Remove("cnpg/" + server + "/wals/00000002.history.gz");
    disk_.Put("cnpg/" + server + "/wals/00000002.history", Fixture("barman/" + server + ".00000002.history"),
              At("2026-11-23T06:51:46Z"));
  }
  EXPECT_EQ(Pass()->wal.histories.at(2).history->switches[0].at, wal::Lsn{0x1420BC18});
  EXPECT_EQ(Pass("cnpg/standbycase")->wal.histories.at(2).history->switches[0].at, wal::Lsn{0x170000A0});
}

TEST_F(BarmanTest, ServersSideBySideAreKeptApart) {
  PutSample();
  const auto contents = Pass("cnpg/standbycase");
  ASSERT_EQ(contents->catalogue.backups.size(), 1U);
  EXPECT_EQ(contents->catalogue.backups[0].id, "20261123T065152");
  EXPECT_EQ(contents->wal.partial.size(), 1U);
  EXPECT_TRUE(contents->wal.partial.contains({1, 0x17}));
  EXPECT_FALSE(contents->wal.stored.Contains({1, 0x17}));
  EXPECT_EQ(contents->wal.stored.size(), 4U);
  EXPECT_EQ(reader_->Place(), disk_.root().string() + "/cnpg/standbycase");
}

TEST_F(BarmanTest, AServerWhoseNameBeginsLikeAnothersIsNotItsPart) {
  PutSample();
  Info("cnpg/cluster-example-2", "x", "20261123T064957", "06:50:03");
  EXPECT_EQ(Pass()->catalogue.backups.size(), 5U);
  EXPECT_EQ(Pass("cnpg/cluster")->catalogue.backups.size(), 0U);
}

TEST_F(BarmanTest, AKilledBackupStaysStarted) {
  PutSample();
  const auto contents = Pass();
  const auto& backup = Of(*contents, "20261123T065004");
  EXPECT_EQ(backup.outcome, BackupOutcome::kStarted);
  EXPECT_TRUE(backup.begin_time);
  EXPECT_FALSE(backup.end_time);
  EXPECT_TRUE(backup.flaws.empty());  // nothing is expected of it
}

TEST_F(BarmanTest, AFailedBackupTellsTheToolsWords) {
  PutSample();
  const auto contents = Pass();
  const auto& backup = Of(*contents, "20261123T065012");
  EXPECT_EQ(backup.outcome, BackupOutcome::kFailed);
  EXPECT_NE(backup.error.find("failure uploading data"), std::string::npos);
}

TEST_F(BarmanTest, FilesWithoutMetadataAreABackupOfUnknownOutcome) {
  PutPart("20261123T060000", "data.tar.gz");
  const auto contents = Pass();
  ASSERT_EQ(contents->catalogue.backups.size(), 1U);
  EXPECT_EQ(contents->catalogue.backups[0].outcome, BackupOutcome::kNoMetadata);
  EXPECT_EQ(contents->catalogue.backups[0].first_stored, At("2026-11-23T06:50:00Z"));
}

TEST_F(BarmanTest, AWholeBackupMayBeSplitAndCompressed) {
  EXPECT_TRUE(
      FlawsWith({{"data.tar.bz2", 1}, {"data_0001.tar.bz2", 1}, {"data_0002.tar.bz2", 1}, {"16388.tar", 5}}).empty());
}

TEST_F(BarmanTest, AMissingMiddlePartIsNamed) {
  const auto flaws = FlawsWith({{"data.tar", 1}, {"data_0002.tar", 1}, {"16388.tar", 5}});
  ASSERT_EQ(flaws.size(), 1U);
  EXPECT_EQ(flaws[0], "data_0001.tar, a part of the data directory, is missing");
}

TEST_F(BarmanTest, TheFirstPartIsTheOneWithoutANumber) {
  const auto flaws = FlawsWith({{"data_0001.tar", 1}, {"data_0002.tar", 1}, {"16388.tar", 5}});
  ASSERT_EQ(flaws.size(), 1U);
  EXPECT_EQ(flaws[0], "data.tar, a part of the data directory, is missing");
}

TEST_F(BarmanTest, AnEmptyPartIsNamed) {
  const auto flaws = FlawsWith({{"data.tar", 1}, {"data_0001.tar", 0}, {"16388.tar", 5}});
  ASSERT_EQ(flaws.size(), 1U);
  EXPECT_EQ(flaws[0], "data_0001.tar, a part of the data directory, is empty");
}

TEST_F(BarmanTest, AMissingTablespaceIsNamed) {
  const auto flaws = FlawsWith({{"data.tar", 1}});
  ASSERT_EQ(flaws.size(), 1U);
  EXPECT_EQ(flaws[0], "tablespace 16388 is missing: no 16388.tar");
}

TEST_F(BarmanTest, ABackupWithoutAnyDataIsMissingIt) {
  const auto flaws = FlawsWith({{"16388.tar", 5}});
  ASSERT_EQ(flaws.size(), 1U);
  EXPECT_EQ(flaws[0], "the data directory is missing: no data.tar");
}

TEST_F(BarmanTest, ASnapshotBackupHasNoTars) {
  PutInfo(kServer, "s", "status=DONE\nbegin_time=2026-11-23 06:00:00+00:00\nsnapshots_info={'provider': 'gcp'}\n",
          "06:00:03");
  const auto contents = Pass();
  const auto& backup = Of(*contents, "s");
  EXPECT_EQ(backup.method, cluster::BackupMethod::kSnapshot);
  EXPECT_EQ(backup.outcome, BackupOutcome::kDone);
  EXPECT_TRUE(backup.flaws.empty());
}

TEST_F(BarmanTest, AnIncrementalNeedsItsParent) {
  PutInfo(kServer, "i", "status=DONE\nparent_backup_id=20261123T064957\n", "06:00:03");
  const auto contents = Pass();
  const auto& backup = Of(*contents, "i");
  EXPECT_EQ(backup.type, cluster::BackupType::kIncr);
  EXPECT_EQ(backup.needs, std::vector<std::string>{"20261123T064957"});
}

TEST_F(BarmanTest, AKeepAnnotationIsReadOnce) {
  PutSample();
  const auto key = kServer + "/base/20261123T064957/annotations/keep";
  disk_.Put(key, "standalone\n", At("2026-11-23T06:52:00Z"));
  EXPECT_EQ(Of(*Pass(), "20261123T064957").keep, "standalone");
  EXPECT_EQ(Of(*Again(), "20261123T064957").keep, "standalone");
  EXPECT_EQ(store_->gets, 0);
  disk_.Remove(key);
  EXPECT_EQ(Of(*Again(), "20261123T064957").keep, "");
}

TEST_F(BarmanTest, ABackupInfoThatMakesNoSenseCostsNothingElse) {
  PutSample();
  PutInfo(kServer, "20261123T065019", "<html>503</html>\n", "06:50:25");
  const auto contents = Pass();
  ASSERT_EQ(contents->catalogue.backups.size(), 5U);
  const auto& backup = Of(*contents, "20261123T065019");
  EXPECT_EQ(backup.outcome, BackupOutcome::kUnreadable);
  EXPECT_NE(backup.error.find("base/20261123T065019/backup.info:1"), std::string::npos) << backup.error;
  EXPECT_EQ(Of(*contents, "20261123T064957").outcome, BackupOutcome::kDone);
  Again();
  EXPECT_EQ(store_->gets, 0);
}

TEST_F(BarmanTest, ABackupInfoThatIsDeniedIsUnreadableUntilItIsNot) {
  PutSample();
  Pass();
  PutInfo(kServer, "20261123T064957", Fixture("barman/backup.info.20261123T064957"), "06:52:00");
  store_->refuse = [](const std::string& key, bool) {
    return key.ends_with("064957/backup.info") ? std::optional(base::ErrorKind::kPermission) : std::nullopt;
  };
  EXPECT_EQ(Of(*Again(), "20261123T064957").outcome, BackupOutcome::kUnreadable);
  store_->refuse = nullptr;
  EXPECT_EQ(Of(*Again(), "20261123T064957").outcome, BackupOutcome::kDone);
}

TEST_F(BarmanTest, WhatTheStoreDoesNotAnswerFailsThePass) {
  PutSample();
  Pass();
  for (const auto kind : {base::ErrorKind::kUnavailable, base::ErrorKind::kTimeout, base::ErrorKind::kAuth}) {
    PutInfo(kServer, "20261123T064957", Fixture("barman/backup.info.20261123T064957"),
            "06:52:0" + std::to_string(int(kind)));
    store_->refuse = [&](const std::string&, bool listing) { return listing ? std::nullopt : std::optional(kind); };
    const auto contents = reader_->Pass({});
    ASSERT_FALSE(contents.ok());
    EXPECT_EQ(contents.error().kind, kind);
  }
  store_->refuse = [](const std::string&, bool) { return std::optional(base::ErrorKind::kPermission); };
  EXPECT_EQ(reader_->Pass({}).error().kind, base::ErrorKind::kPermission);
  store_->refuse = nullptr;
  EXPECT_EQ(Again()->catalogue.backups.size(), 5U);
}

TEST_F(BarmanTest, WhereNoBackupInfoMayBeReadNothingIsKnownOfTheBackups) {
  PutSample();
  Pass();
  reader_ = MakeBarmanReader(store_, kServer, clock_);
  store_->refuse = [](const std::string& key, bool) {
    return key.ends_with("/backup.info") ? std::optional(base::ErrorKind::kPermission) : std::nullopt;
  };
  EXPECT_EQ(reader_->Pass({}).error().kind, base::ErrorKind::kPermission);
  store_->refuse = nullptr;
  EXPECT_EQ(Again()->catalogue.backups.size(), 5U);
}

TEST_F(BarmanTest, AnOverwrittenBackupInfoIsReadAgain) {
  PutSample();
  Pass();
  Info(kServer, "20261123T065004", "20261123T064957", "06:52:30");
  EXPECT_EQ(Of(*Again(), "20261123T065004").outcome, BackupOutcome::kDone);
  EXPECT_EQ(store_->gets, 1);
  disk_.Remove(kServer + "/base/20261123T065004");
  EXPECT_EQ(Again()->catalogue.backups.size(), 4U);
}

TEST_F(BarmanTest, TheSegmentSizeOfABackupIsTrustedMoreThanTheServers) {
  PutSample();
  reader_ = MakeBarmanReader(store_ = disk_.Open(), kServer, clock_);
  PassOptions options;
  options.segment_size = *wal::SegmentSize::FromBytes(64 * kMiB);
  EXPECT_EQ((*reader_->Pass(options))->wal.segment_size->bytes(), 16 * kMiB);
}

TEST_F(BarmanTest, BackupsStandInTheOrderOfTheirBeginning) {
  PutSample();
  PutPart("00000000T000000", "data.tar.gz");
  std::vector<std::string> ids;
  const auto contents = Pass();
  for (const auto& backup : contents->catalogue.backups) ids.push_back(backup.id);
  // 065012 carries the beginning of another sample, and the orphan was uploaded at 06:50:00.
  EXPECT_EQ(ids, (std::vector<std::string>{"20261123T065012", "20261123T064957", "20261123T065019", "00000000T000000",
                                           "20261123T065004", "20261123T065022"}));
}

TEST_F(BarmanTest, AnArchiveThatIsEmptyIsNoError) {
  const auto contents = Pass();
  EXPECT_TRUE(contents->catalogue.backups.empty());
  EXPECT_FALSE(contents->wal.segment_size);
  EXPECT_FALSE(reader_->ReadSegment({1, 1}, std::chrono::seconds(1)).ok());
}

TEST_F(BarmanTest, UncompressedSegmentsOfBarman34CountByTheirLength) {
  disk_.PutListing(Fixture("barman/barman34.ls"));
  Info("pre/fix2/srv34", "20261123T063707", "20261123T063707", "06:47:25");
  Info("pre/fix2/srv34", "20261123T064731", "20261123T063707", "06:47:34");
  const auto contents = Pass("pre/fix2/srv34");
  EXPECT_EQ(Of(*contents, "20261123T063707").label, "weekly-full");
  const auto all = contents->wal.stored.Intervals();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].first, 1U);
  EXPECT_EQ(all[0].last, 8U);
}

}  // namespace
}  // namespace pgvigil::archive
