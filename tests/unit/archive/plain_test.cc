#include "archive/plain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using cluster::BackupMethod;
using cluster::BackupOutcome;

class PlainTest : public testing::Test {
 protected:
  PlainTest() { clock_.Advance(At("2026-11-25T21:00:00Z") - clock_.Wall()); }

  void Put(const std::string& key, const std::string& content) { disk_.Put(key, content, At("2026-11-25T20:30:00Z")); }
  void PutFixture(const std::string& key, const std::string& fixture) { Put(key, Fixture(fixture)); }
  void PutWal(const std::string& folder, int first, int last) {
    for (int i = first; i <= last; ++i) Put(folder + "0000000100000000" + Hex8(i), SegmentBytes(kMiB, kMiB));
  }
  void PutTarBackup(const std::string& id, const std::string& suffix, const std::string& manifest) {
    PutFixture(id + "/base.tar" + suffix, "basebackup/base.tar" + suffix);
    Put(id + "/16384.tar" + suffix, "tablespace");
    PutFixture(id + "/backup_manifest", "basebackup/backup_manifest." + manifest);
  }
  void PutPlainBackup(const std::string& id) {
    PutFixture(id + "/backup_manifest", "basebackup/backup_manifest.plain");
    PutFixture(id + "/backup_label", "basebackup/backup_label");
    Put(id + "/PG_VERSION", "15\n");
    Put(id + "/global/pg_control", SegmentBytes(kMiB, 64).substr(24, 8) + "more");
    Put(id + "/base/5/112", "relation");
  }
  std::shared_ptr<const cluster::ArchiveContents> Pass(PlainOptions options = {}) {
    store_ = disk_.Open();
    reader_ = MakePlainReader(store_, std::move(options), clock_);
    return Again();
  }
  std::shared_ptr<const cluster::ArchiveContents> Again() {
    store_->Forget();
    const auto contents = reader_->Pass({});
    EXPECT_TRUE(contents.ok()) << contents.error().message << " " << contents.error().subject;
    return contents.ok() ? *contents : std::make_shared<cluster::ArchiveContents>();
  }
  static Backup Of(const cluster::ArchiveContents& contents, const std::string& id) {
    const auto& backups = contents.catalogue.backups;
    const auto found = std::find_if(backups.begin(), backups.end(), [&](const Backup& b) { return b.id == id; });
    EXPECT_NE(found, backups.end()) << id;
    return found == backups.end() ? Backup{} : *found;
  }
  Backup DumpOf(const std::string& key) { return Of(*Pass({.dumps = {"dumps/*"}}), key); }

  fakes::ManualClock clock_;
  ArchiveOnDisk disk_;
  std::shared_ptr<fakes::CountingStore> store_;
  std::unique_ptr<Reader> reader_;
};

TEST_F(PlainTest, ReadsFlatWalAndTheSizeOfItsSegments) {
  PutWal("", 1, 5);
  const auto contents = Pass();
  EXPECT_EQ(contents->wal.segment_size->bytes(), kMiB);
  EXPECT_EQ(contents->wal.stored.size(), 5U);
  EXPECT_EQ(*reader_->ReadSegment({1, 3}, std::chrono::seconds(5)), SegmentBytes(kMiB, kMiB));
}

TEST_F(PlainTest, ReadsWalInFoldersBelowAPath) {
  PutWal("archive/0000000100000000/", 1, 5);
  EXPECT_EQ(Pass({.wal = "/archive/"})->wal.stored.size(), 5U);
}

TEST_F(PlainTest, WalThatComesAfterTheFirstPassIsFound) {
  EXPECT_FALSE(Pass()->wal.segment_size);
  EXPECT_EQ(reader_->ReadSegment({1, 3}, std::chrono::seconds(5)).error().kind, base::ErrorKind::kNotFound);
  PutWal("", 1, 2);
  EXPECT_EQ(Again()->wal.stored.size(), 2U);
}

TEST_F(PlainTest, ReadsBaseBackupsAsTars) {
  PutTarBackup("2026-11-25", "", "tar");
  Put("2026-11-25/pg_wal.tar", "wal");
  PutTarBackup("weekly/one", ".gz", "targz");
  PutTarBackup("weekly/two", ".lz4", "tar");
  PutTarBackup("three", ".zst", "tar");
  const auto contents = Pass();
  ASSERT_EQ(contents->catalogue.backups.size(), 4U);
  const auto backup = Of(*contents, "2026-11-25");
  EXPECT_EQ(backup.method, BackupMethod::kBasebackup);
  EXPECT_EQ(backup.outcome, BackupOutcome::kDone);
  EXPECT_EQ(backup.place, "2026-11-25/");
  EXPECT_EQ(backup.begin, wal::Lsn{0x1300028});
  EXPECT_EQ(backup.end, wal::Lsn{0x1300100});
  EXPECT_EQ(backup.begin_timeline, 1U);
  EXPECT_EQ(backup.end_time, At("2026-11-25T20:30:00Z"));
  EXPECT_EQ(backup.label, "pg_basebackup base backup");
  EXPECT_TRUE(backup.begin_time);
  EXPECT_TRUE(backup.self_contained);
  EXPECT_TRUE(backup.flaws.empty()) << backup.flaws[0];
  EXPECT_TRUE(Of(*contents, "one").self_contained);  // its WAL was fetched into base.tar
  EXPECT_FALSE(Of(*contents, "two").self_contained);
  for (const auto* id : {"one", "two", "three"}) {
    EXPECT_TRUE(Of(*contents, id).begin_time) << id;
    EXPECT_TRUE(Of(*contents, id).flaws.empty()) << id;
  }
}

TEST_F(PlainTest, NamesTheTarsThatAreMissingOrEmpty) {
  PutTarBackup("b", "", "tar");
  disk_.Remove("b/16384.tar");
  Put("b/pg_wal.tar", "");
  const auto backup = Of(*Pass(), "b");
  EXPECT_EQ(backup.flaws, (std::vector<std::string>{"16384.tar is missing", "pg_wal.tar is empty"}));
  EXPECT_FALSE(backup.self_contained);
}

TEST_F(PlainTest, ReadsABaseBackupAsADirectory) {
  PutPlainBackup("backups/monday");
  Put("backups/monday/pg_wal/000000010000000000000012", SegmentBytes(kMiB, kMiB));
  const auto contents = Pass();
  const auto backup = Of(*contents, "monday");
  EXPECT_EQ(backup.outcome, BackupOutcome::kDone);
  EXPECT_EQ(backup.begin, wal::Lsn{0x1200028});
  EXPECT_EQ(backup.begin_time, At("2026-11-25T20:14:58Z"));
  EXPECT_TRUE(backup.self_contained);
  EXPECT_EQ(backup.system_identifier, "7711255548013778207");
  EXPECT_EQ(contents->system_identifiers, std::vector<std::string>{"7711255548013778207"});
  EXPECT_GT(backup.stored_bytes, 400000U);
  EXPECT_TRUE(backup.flaws.empty()) << backup.flaws[0];
}

TEST_F(PlainTest, ADirectoryWithoutItsWalIsNotSelfContained) {
  PutPlainBackup("b");
  Put("b/pg_wal/000000010000000000000011", SegmentBytes(kMiB, kMiB));
  Put("b/pg_wal/000000010000000000000012.partial", SegmentBytes(kMiB, kMiB));
  EXPECT_FALSE(Of(*Pass(), "b").self_contained);
}

TEST_F(PlainTest, ADirectoryIsSelfContainedOnlyWithItsLastSegment) {
  PutPlainBackup("b");
  auto manifest = Fixture("basebackup/backup_manifest.plain");
  Put("b/backup_manifest", manifest.replace(manifest.find("0/1200100"), 9, "0/1300100"));
  Put("b/pg_wal/000000010000000000000012", SegmentBytes(kMiB, kMiB));
  EXPECT_FALSE(Of(*Pass(), "b").self_contained);
  Put("b/pg_wal/000000010000000000000013", SegmentBytes(kMiB, kMiB));
  Put("b/backup_label", Fixture("basebackup/backup_label") + "\n");  // pg_wal is looked into when the backup changed
  EXPECT_TRUE(Of(*Pass(), "b").self_contained);
}

TEST_F(PlainTest, NamesWhatADirectoryLacks) {
  PutPlainBackup("b");
  disk_.Remove("b/backup_label");
  disk_.Remove("b/global/pg_control");
  disk_.Remove("b/base");
  EXPECT_EQ(Of(*Pass(), "b").flaws.size(), 3U);
}

TEST_F(PlainTest, WithoutAManifestABackupIsNotDone) {
  PutPlainBackup("killed");
  disk_.Remove("killed/backup_manifest");
  PutPlainBackup("running");
  disk_.Remove("running/backup_manifest");
  Put("running/backup_manifest.tmp", "{");
  PutTarBackup("broken", "", "tar");
  Put("broken/backup_manifest", "{");
  const auto contents = Pass();
  EXPECT_EQ(Of(*contents, "killed").outcome, BackupOutcome::kNoMetadata);
  EXPECT_EQ(Of(*contents, "running").outcome, BackupOutcome::kStarted);
  EXPECT_EQ(Of(*contents, "broken").outcome, BackupOutcome::kUnreadable);
  EXPECT_NE(Of(*contents, "broken").error.find("broken/backup_manifest"), std::string::npos);
}

TEST_F(PlainTest, AnIncrementalNeedsTheBackupThatBeganThere) {
  PutPlainBackup("full");
  for (const auto* id : {"incr", "lost"}) {
    PutPlainBackup(id);
    const std::string from = id == std::string("incr") ? "0/1200028" : "0/900028";
    Put(std::string(id) + "/backup_label", "START WAL LOCATION: 0/1300028 (file x)\nINCREMENTAL FROM LSN: " + from);
    PutFixture(std::string(id) + "/backup_manifest", "basebackup/backup_manifest.tar");
  }
  const auto contents = Pass();
  EXPECT_EQ(Of(*contents, "incr").type, cluster::BackupType::kIncr);
  EXPECT_EQ(Of(*contents, "incr").needs, std::vector<std::string>{"full"});
  EXPECT_EQ(Of(*contents, "lost").needs, std::vector<std::string>{"that began at 0/900028"});
}

TEST_F(PlainTest, LaterPassesReadNothingThatDidNotChangeAndGoPastTheWal) {
  PutTarBackup("one", "", "tar");
  PutPlainBackup("two");
  PutFixture("dumps/db.sql", "dumps/db.sql");
  for (int i = 1; i <= 2500; ++i) disk_.PutSize("0000000100000000" + Hex8(i), kMiB, clock_.Wall());
  disk_.PutSize("000000010000000000000ABC.gz", 0, clock_.Wall());
  PassOptions options;
  options.segment_size = *wal::SegmentSize::FromBytes(kMiB);
  store_ = disk_.Open();
  reader_ = MakePlainReader(store_, {.dumps = {"dumps/*"}}, clock_);
  ASSERT_TRUE(reader_->Pass(options).ok());
  store_->Forget();
  const auto contents = reader_->Pass(options);
  ASSERT_TRUE(contents.ok());
  EXPECT_EQ((*contents)->catalogue.backups.size(), 3U);
  EXPECT_EQ(store_->gets, 0);
  // The root in two requests, three folders, what is new of WAL, and a page of the old.
  EXPECT_EQ(store_->lists, 2 + 3 + 2);
  PutFixture("one/backup_manifest", "basebackup/backup_manifest.tar");
  disk_.Put("one/backup_manifest", "{", clock_.Wall());
  store_->Forget();
  EXPECT_EQ(Of(**reader_->Pass(options), "one").outcome, BackupOutcome::kUnreadable);
}

TEST_F(PlainTest, BackupsMayLieInAPlaceOfTheirOwn) {
  PutWal("", 1, 2);
  ArchiveOnDisk other;
  other.Put("b/base.tar", Fixture("basebackup/base.tar"), clock_.Wall());
  PlainOptions options;
  options.backups = other.Open();
  EXPECT_EQ(Of(*Pass(options), "b").outcome, BackupOutcome::kNoMetadata);
}

TEST_F(PlainTest, DumpsOfEveryFormatAreWhole) {
  for (const auto* name : {"db.dump", "db.sql", "db.tar", "db.sql.gz", "piped.dump", "piped.dump.gz", "schema.dump",
                           "pg17.dump", "db.dir/toc.dat", "db.dir/3343.dat.gz", "db.dir/3344.dat.gz"})
    PutFixture(std::string("dumps/") + name, std::string("dumps/") + name);
  Put("dumps.txt", "nothing that was asked for");
  const auto contents = Pass({.dumps = {"dumps/*"}});
  EXPECT_EQ(contents->catalogue.backups.size(), 9U);
  for (const auto& dump : contents->catalogue.backups) {
    EXPECT_EQ(dump.outcome, BackupOutcome::kDone) << dump.id << dump.error;
    EXPECT_TRUE(dump.flaws.empty()) << dump.id << dump.flaws[0];
    EXPECT_EQ(dump.method, BackupMethod::kDump);
    EXPECT_EQ(dump.end_time, At("2026-11-25T20:30:00Z"));
    EXPECT_TRUE(dump.self_contained);
  }
  EXPECT_EQ(Of(*contents, "dumps/db.dump").label, "postgres");
  EXPECT_EQ(Of(*contents, "dumps/db.dir").label, "postgres");
}

TEST_F(PlainTest, DumpsThatAreCutShortHaveNotEnded) {
  for (const auto* name : {"db.dump", "db.sql", "db.tar", "db.sql.gz", "piped.dump", "piped.dump.gz", "schema.dump"}) {
    const auto whole = Fixture(std::string("dumps/") + name);
    for (const auto size : {std::size_t{0}, std::size_t{200}, whole.size() - 200}) {
      Put("dumps/x" + std::string(name), whole.substr(0, size));
      EXPECT_EQ(DumpOf("dumps/x" + std::string(name)).outcome, BackupOutcome::kStarted) << name << " " << size;
    }
  }
}

TEST_F(PlainTest, ADumpWithoutAMemberIsFlawed) {
  PutFixture("dumps/d/toc.dat", "dumps/db.dir/toc.dat");
  PutFixture("dumps/d/3343.dat.gz", "dumps/db.dir/3343.dat.gz");
  EXPECT_EQ(DumpOf("dumps/d").flaws, std::vector<std::string>{"3344.dat is missing or empty"});
}

TEST_F(PlainTest, WhatIsDeniedIsUnreadableUntilItIsNot) {
  PutTarBackup("b", "", "tar");
  PutFixture("dumps/db.sql", "dumps/db.sql");
  store_ = disk_.Open();
  reader_ = MakePlainReader(store_, {.dumps = {"dumps/*"}}, clock_);
  PutFixture("dumps/other.sql", "dumps/db.sql");
  store_->refuse = [](const std::string& key, bool listing) {
    return listing || key.ends_with("other.sql") ? std::nullopt : std::optional(base::ErrorKind::kPermission);
  };
  auto contents = Again();
  for (const auto* id : {"b", "dumps/db.sql"}) {
    EXPECT_EQ(Of(*contents, id).outcome, BackupOutcome::kUnreadable);
    EXPECT_TRUE(Of(*contents, id).denied);
  }
  store_->refuse = [](const std::string& key, bool listing) {
    return listing && key == "b/" ? std::optional(base::ErrorKind::kPermission) : std::nullopt;
  };
  contents = Again();
  EXPECT_TRUE(Of(*contents, "b").denied) << "a folder that may not be listed costs that one alone";
  EXPECT_EQ(Of(*contents, "dumps/db.sql").outcome, BackupOutcome::kDone);
  store_->refuse = [](const std::string&, bool listing) {
    return listing ? std::nullopt : std::optional(base::ErrorKind::kPermission);
  };
  reader_ = MakePlainReader(store_, {.dumps = {"dumps/*"}}, clock_);
  const auto none = reader_->Pass({});
  ASSERT_FALSE(none.ok()) << "none that may be read: whether any is restorable cannot be told";
  EXPECT_EQ(none.error().kind, base::ErrorKind::kPermission);
  store_->refuse = nullptr;
  contents = Again();
  EXPECT_EQ(Of(*contents, "b").outcome, BackupOutcome::kDone);
  EXPECT_EQ(Of(*contents, "dumps/db.sql").outcome, BackupOutcome::kDone);
  store_->refuse = [](const std::string&, bool) { return std::optional(base::ErrorKind::kUnavailable); };
  EXPECT_FALSE(reader_->Pass({}).ok());
}

}  // namespace
}  // namespace pgvigil::archive
