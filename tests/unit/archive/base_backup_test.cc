#include "archive/base_backup.h"

#include <gtest/gtest.h>

#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

TEST(BackupManifestTest, ReadsWhatPostgres15Writes) {
  const auto manifest = ParseBackupManifest(Fixture("basebackup/backup_manifest.tar"), "backup_manifest");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->begin, wal::Lsn{0x1300028});
  EXPECT_EQ(manifest->end, wal::Lsn{0x1300100});
  EXPECT_EQ(manifest->begin_timeline, 1U);
  EXPECT_EQ(manifest->end_timeline, 1U);
  EXPECT_EQ(manifest->tablespaces, std::set<std::uint32_t>{16384});
  EXPECT_GT(manifest->bytes, 401408U + 24576U);
  EXPECT_FALSE(manifest->has_wal);
  EXPECT_FALSE(manifest->is_incremental);
  EXPECT_EQ(manifest->system_identifier, "");
}

TEST(BackupManifestTest, SeesThatWalWasFetched) {
  EXPECT_TRUE(ParseBackupManifest(Fixture("basebackup/backup_manifest.targz"), "m")->has_wal);
}

TEST(BackupManifestTest, ReadsVersionTwoIncrementalsAndSeveralTimelines) {
  const auto manifest = ParseBackupManifest(R"({"PostgreSQL-Backup-Manifest-Version": 2,
"System-Identifier": 7711255548013778207,
"Files": [{"Path": "base/5/INCREMENTAL.1259", "Size": 100}, {"Encoded-Path": "ff", "Size": 1}],
"WAL-Ranges": [{"Timeline": 3, "Start-LSN": "0/5000000", "End-LSN": "0/5000100"},
               {"Timeline": 2, "Start-LSN": "0/4000028", "End-LSN": "0/5000000"}],
"Manifest-Checksum": "00"})",
                                            "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->system_identifier, "7711255548013778207");
  EXPECT_TRUE(manifest->is_incremental);
  EXPECT_EQ(manifest->bytes, 101U);
  EXPECT_EQ(manifest->begin_timeline, 2U);
  EXPECT_EQ(manifest->begin, wal::Lsn{0x4000028});
  EXPECT_EQ(manifest->end_timeline, 3U);
  EXPECT_EQ(manifest->end, wal::Lsn{0x5000100});
}

TEST(BackupManifestTest, RejectsWhatIsCutShortOrNone) {
  const auto whole = Fixture("basebackup/backup_manifest.tar");
  for (const auto& text :
       {std::string(), std::string("{}"), std::string("[]"), whole.substr(0, whole.size() / 2),
        std::string(R"({"WAL-Ranges": [{"Timeline": 1, "Start-LSN": "x", "End-LSN": "0/1"}]})"),
        std::string(R"({"WAL-Ranges": [{"Start-LSN": "0/1", "End-LSN": "0/1"}]})"), std::string(100, '[')}) {
    const auto manifest = ParseBackupManifest(text, "there/backup_manifest");
    ASSERT_FALSE(manifest.ok()) << text.substr(0, 60);
    EXPECT_EQ(manifest.error().kind, base::ErrorKind::kMalformed);
    EXPECT_EQ(manifest.error().subject, "there/backup_manifest");
  }
}

TEST(BackupLabelTest, ReadsWhatTheServerWrites) {
  const auto label = ParseBackupLabel(Fixture("basebackup/backup_label"), "backup_label");
  ASSERT_TRUE(label.ok());
  EXPECT_EQ(label->begin, wal::Lsn{0x1200028});
  EXPECT_EQ(label->timeline, 1U);
  EXPECT_EQ(label->label, "pg_basebackup base backup");
  EXPECT_EQ(label->began, At("2026-11-25T20:14:58Z"));
  EXPECT_FALSE(label->incremental_from);
}

TEST(BackupLabelTest, KnowsAnIncrementalAndNoTimeOfAnotherZone) {
  const auto label = ParseBackupLabel(
      "START WAL LOCATION: 0/7000028 (file 000000010000000000000007)\nSTART TIME: 2026-11-23 06:51:52 CET\n"
      "INCREMENTAL FROM LSN: 0/4000028\nINCREMENTAL FROM TLI: 1\n",
      "backup_label");
  ASSERT_TRUE(label.ok());
  EXPECT_EQ(label->incremental_from, wal::Lsn{0x4000028});
  EXPECT_FALSE(label->began);
  EXPECT_FALSE(ParseBackupLabel("LABEL: x\n", "backup_label").ok());
}

TEST(TarTest, FindsTheFirstMember) {
  const auto tar = Fixture("basebackup/base.tar");
  const auto member = FirstMember(tar);
  ASSERT_TRUE(member);
  EXPECT_EQ(member->name, "backup_label");
  EXPECT_TRUE(member->content.starts_with("START WAL LOCATION: 0/1300028"));
  EXPECT_EQ(member->content.size(), 225U);
  EXPECT_FALSE(FirstMember(tar.substr(0, 500)));
  EXPECT_FALSE(FirstMember(std::string(1024, '\0')));
  auto broken = tar;
  broken[130] = '9';
  EXPECT_FALSE(FirstMember(broken));
}

}  // namespace
}  // namespace pgvigil::archive
