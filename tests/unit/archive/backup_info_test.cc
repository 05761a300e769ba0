#include "archive/backup_info.h"

#include <gtest/gtest.h>

#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

using namespace std::chrono_literals;

BackupInfo Parsed(const std::string& fixture) {
  const auto info = ParseBackupInfo(Fixture("barman/" + fixture), fixture);
  EXPECT_TRUE(info.ok()) << info.error().message << info.error().subject;
  return info.ok() ? *info : BackupInfo{};
}

TEST(BackupInfoTest, ReadsWhatBarman319Writes) {
  const auto info = Parsed("backup.info.20261123T064957");
  EXPECT_EQ(info.status, "DONE");
  EXPECT_EQ(info.name, "base-a");
  EXPECT_EQ(info.error, "");
  EXPECT_EQ(info.begin_time, At("2026-11-23T06:49:57Z") + 747228us);
  EXPECT_EQ(info.end_time, At("2026-11-23T06:50:01Z") + 957272us);
  EXPECT_EQ(info.begin, wal::Lsn{0xA000028});
  EXPECT_EQ(info.end, wal::Lsn{0xA000100});
  EXPECT_EQ(info.begin_timeline, 1U);
  EXPECT_EQ(info.end_timeline, 1U);
  EXPECT_EQ(info.segment_size, 16 * kMiB);
  EXPECT_EQ(info.system_identifier, "7711255548013778207");
  EXPECT_EQ(info.tablespaces, std::vector<std::uint32_t>{16388});
  EXPECT_FALSE(info.is_snapshot);
  EXPECT_EQ(info.parent, "");
}

TEST(BackupInfoTest, ReadsWhatBarman34Writes) {
  const auto info = Parsed("backup.info.20261123T063707");
  EXPECT_EQ(info.status, "DONE");
  EXPECT_EQ(info.name, "weekly-full");
  EXPECT_TRUE(info.tablespaces.empty());
  EXPECT_EQ(info.end, wal::Lsn{0x4000100});
}

TEST(BackupInfoTest, AKilledBackupHasABeginningAndNoEnd) {
  const auto info = Parsed("backup.info.20261123T065004");
  EXPECT_EQ(info.status, "STARTED");
  EXPECT_TRUE(info.begin_time);
  EXPECT_EQ(info.begin, wal::Lsn{0xC000028});
  EXPECT_FALSE(info.end_time);
  EXPECT_FALSE(info.end);
  EXPECT_EQ(info.end_timeline, 0U);
}

TEST(BackupInfoTest, AFailedBackupSaysWhy) {
  const auto info = Parsed("backup.info.20261123T064908");
  EXPECT_EQ(info.status, "FAILED");
  EXPECT_EQ(info.error, "failure uploading data (PY_SSIZE_T_CLEAN macro must be defined for '#' formats)");
}

TEST(BackupInfoTest, FindsOidsBetweenTheStringsOfPython) {
  const auto info = ParseBackupInfo(R"(status=DONE
tablespaces=[('a, 7,', 16388, '/x, 9, /'), ("it's", 16390, '/\', 8, '), ('plain', 4294967295, '/y')]
)",
                                    "backup.info");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->tablespaces, (std::vector<std::uint32_t>{16388, 16390, 4294967295}));
}

TEST(BackupInfoTest, KnowsIncrementalsAndSnapshots) {
  const auto info = ParseBackupInfo(
      "# a comment\n\n status = DONE \r\nparent_backup_id=20261123T064957\nsnapshots_info={'provider': 'gcp'}\n"
      "some_future_key=[1, 2]",
      "backup.info");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->status, "DONE");
  EXPECT_EQ(info->parent, "20261123T064957");
  EXPECT_TRUE(info->is_snapshot);
}

TEST(BackupInfoTest, NamesTheLineThatMakesNoSense) {
  struct Case {
    const char* text;
    const char* subject;
  };
  for (const auto& [text, subject] : {
           Case{"status=DONE\nend_time=yesterday\n", "k/backup.info:2"},
           Case{"status=DONE\n\nbegin_xlog=16777216\n", "k/backup.info:3"},
           Case{"begin_wal=000000000000000000000001\nstatus=DONE", "k/backup.info:1"},
           Case{"status=DONE\nxlog_segment_size=16MB", "k/backup.info:2"},
           Case{"status=DONE\n<html>\n", "k/backup.info:2"},
           Case{"", "k/backup.info:0"},
           Case{"status=None\nerror=None\n", "k/backup.info:2"},
       }) {
    const auto info = ParseBackupInfo(text, "k/backup.info");
    ASSERT_FALSE(info.ok()) << text;
    EXPECT_EQ(info.error().kind, base::ErrorKind::kMalformed);
    EXPECT_EQ(info.error().subject, subject);
  }
}

TEST(BackupInfoTest, DoesNotReadWithoutEnd) {
  std::string text = "status=DONE\n";
  for (int i = 0; i < 20000; ++i) text += "a=b\n";
  EXPECT_FALSE(ParseBackupInfo(text, "k").ok());
}

TEST(PythonTimeTest, ReadsFractionsAndOffsets) {
  const auto noon = At("2026-03-01T12:00:00Z");
  EXPECT_EQ(ParsePythonTime("2026-03-01 12:00:00+00:00"), noon);
  EXPECT_EQ(ParsePythonTime("2026-03-01 12:00:00"), noon);
  EXPECT_EQ(ParsePythonTime("2026-03-01T12:00:00Z"), noon);
  EXPECT_EQ(ParsePythonTime("2026-03-01 12:00:00.5+00:00"), noon + 500ms);
  EXPECT_EQ(ParsePythonTime("2026-03-01 12:00:00.000001999"), noon + 1us);
  EXPECT_EQ(ParsePythonTime("2026-03-01 15:30:00+03:30"), noon);
  EXPECT_EQ(ParsePythonTime("2026-03-01 03:15:00.25-0845"), noon + 250ms);
}

TEST(PythonTimeTest, RejectsWhatIsNone) {
  for (const char* text :
       {"", "2026-03-01", "2026-02-30 12:00:00", "2026-03-01 24:00:00", "2026-03-01 12:60:00", "2026-03-01 -1:00:00",
        "2026-03-01 12:-1:00", "2026-03-01 12:00:00.", "2026-03-01 12:00:00 UTC", "2026-03-01 12:00:00+1",
        "2026-03-01 12:00:00+00:00x", "Mon Nov 23 06:50:03 2026"}) {
    EXPECT_FALSE(ParsePythonTime(text)) << text;
  }
}

}  // namespace
}  // namespace pgvigil::archive
