#include "archive/pgbackrest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "archive/pgbackrest_cipher.h"
#include "archive/pgbackrest_info.h"
#include "archive_on_disk.h"
#include "wal/commits.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;
using cluster::BackupType;

const std::string kPassphrase = "correct horse battery";
const std::string kFull = "20261125-201420F";
const std::string kIncr = "20261125-201420F_20261125-201444I";
const std::string kDiff = "20261125-201420F_20261125-201451D";
const std::string kSystem = "7712204996942160114";

std::string File(const std::string& name) { return Fixture("pgbackrest/" + name); }

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class PgbackrestTest : public testing::Test {
 protected:
  PgbackrestTest() { clock_.Advance(At("2026-11-25T21:00:00Z") - clock_.Wall()); }

  void Put(const std::string& key, const std::string& content) { disk_.Put(key, content, At("2026-11-25T20:14:31Z")); }
  void PutRepository(const std::string& repo = "") {
    Put(repo + "archive/main/archive.info", File("archive.info"));
    Put(repo + "backup/main/backup.info", File("backup.info"));
    for (const auto& label : {kFull, kIncr, kDiff}) PutManifest(label, repo);
    PutWal(repo, "15-1", 6, 0x18);
  }
  void PutManifest(const std::string& label, const std::string& repo = "") {
    Put(repo + "backup/main/" + label + "/backup.manifest", "manifest");
    Put(repo + "backup/main/" + label + "/backup.manifest.copy", "manifest");
    Put(repo + "backup/main/" + label + "/pg_data/PG_VERSION.gz", "15");
  }
  void PutWal(const std::string& repo, const std::string& id, int first, int last, const std::string& suffix = "") {
    auto sum = std::string(41, 'a').replace(0, 1, "-");
    sum += suffix;
    for (auto i = first; i <= last; ++i) {
      auto key = repo;
      key.append("archive/main/").append(id).append("/0000000100000000/0000000100000000");
      key.append(Hex8(static_cast<unsigned>(i))).append(sum);
      Put(key, SegmentBytes(kMiB, kMiB));
    }
  }
  void PutEncrypted() {
    Put("archive/main/archive.info", File("encrypted.archive.info"));
    Put("backup/main/backup.info", File("encrypted.backup.info"));
    for (const auto* name : {"00000001000000000000000B-9069eeb3670fe1434164fa16d6ebff06b2bd43fc.lz4",
                             "000000010000000000000010-1f3cb983013ad3030b81f98e86519ab894fafb82.zst"})
      Put("archive/main/15-1/0000000100000000/" + std::string(name), File(name));
  }
  PgbackrestOptions WithPassphrase(const std::string& passphrase) {
    secret_.Put("passphrase", passphrase, clock_.Wall());
    return {.stanza = "main", .cipher_pass_file = (secret_.root() / "passphrase").string()};
  }

  std::unique_ptr<Reader> Open(PgbackrestOptions options = {.stanza = "main"}) {
    store_ = disk_.Open();
    return MakePgbackrestReader(store_, std::move(options), clock_);
  }
  std::shared_ptr<const cluster::ArchiveContents> Pass(Reader& reader) {
    store_->Forget();
    const auto contents = reader.Pass({});
    EXPECT_TRUE(contents.ok()) << contents.error().message << " " << contents.error().subject;
    return contents.ok() ? *contents : std::make_shared<cluster::ArchiveContents>();
  }
  std::shared_ptr<const cluster::ArchiveContents> Pass() {
    reader_ = Open();
    return Pass(*reader_);
  }
  static Backup Of(const cluster::ArchiveContents& contents, const std::string& id) {
    const auto& backups = contents.catalogue.backups;
    const auto found = std::find_if(backups.begin(), backups.end(), [&](const Backup& b) { return b.id == id; });
    EXPECT_NE(found, backups.end()) << id;
    return found == backups.end() ? Backup{} : *found;
  }

  fakes::ManualClock clock_;
  ArchiveOnDisk disk_, secret_;
  std::shared_ptr<fakes::CountingStore> store_;
  std::unique_ptr<Reader> reader_;
};

TEST_F(PgbackrestTest, ReadsFullIncrementalAndDifferentialBackups) {
  PutRepository();
  const auto contents = Pass();
  ASSERT_EQ(contents->catalogue.backups.size(), 3U);
  const auto full = Of(*contents, kFull);
  EXPECT_EQ(full.method, cluster::BackupMethod::kPgbackrest);
  EXPECT_EQ(full.type, BackupType::kFull);
  EXPECT_EQ(full.outcome, BackupOutcome::kDone);
  EXPECT_EQ(full.begin, wal::Lsn{0x700028});
  EXPECT_EQ(full.end, wal::Lsn{0x700100});
  EXPECT_EQ(full.begin_timeline, 1U);
  EXPECT_EQ(full.end_timeline, 1U);
  EXPECT_EQ(full.begin_time, base::WallTime(std::chrono::seconds(1795637660)));
  EXPECT_EQ(full.end_time, base::WallTime(std::chrono::seconds(1795637671)));
  EXPECT_EQ(full.system_identifier, kSystem);
  EXPECT_EQ(full.stored_bytes, 3534016U);
  EXPECT_EQ(full.place, "backup/main/" + kFull + "/");
  EXPECT_TRUE(full.needs.empty());
  EXPECT_FALSE(full.self_contained);
  EXPECT_TRUE(full.flaws.empty()) << full.flaws[0];
  const auto incr = Of(*contents, kIncr);
  EXPECT_EQ(incr.type, BackupType::kIncr);
  EXPECT_EQ(incr.needs, std::vector<std::string>{kFull});
  EXPECT_EQ(incr.label, "who=nightly");
  EXPECT_EQ(Of(*contents, kDiff).type, BackupType::kDiff);
  EXPECT_EQ(contents->system_identifiers, std::vector<std::string>{kSystem});
  EXPECT_EQ(contents->wal.segment_size->bytes(), kMiB);
  EXPECT_EQ(contents->wal.stored.size(), 0x18U - 6 + 1);
  EXPECT_EQ(*reader_->ReadSegment({1, 7}, std::chrono::seconds(5)), SegmentBytes(kMiB, kMiB));
}

TEST_F(PgbackrestTest, ReadsTheListingOfARealRepository) {
  disk_.PutListing(File("repository.ls"));
  Put("repo/archive/vgw/archive.info", File("archive.info"));
  Put("repo/backup/vgw/backup.info", File("backup.info"));
  reader_ = Open({.stanza = "vgw", .repo = "/repo/"});
  PassOptions options;
  options.segment_size = *wal::SegmentSize::FromBytes(16 * kMiB);
  const auto contents = reader_->Pass(options);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const auto runs = (*contents)->wal.stored.Intervals();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].first, 1U);
  EXPECT_EQ(runs[0].last, 13U);
  EXPECT_EQ(Of(**contents, "20261123-070114F").outcome, BackupOutcome::kNoMetadata);  // of another backup.info
  EXPECT_EQ(Of(**contents, kFull).flaws, std::vector<std::string>{"its folder is missing"});
}

TEST_F(PgbackrestTest, AFolderOrManifestThatIsGoneIsNamed) {
  PutRepository();
  Pass();
  disk_.Remove("backup/main/" + kDiff);
  disk_.Remove("backup/main/" + kIncr + "/backup.manifest");
  Put("backup/main/" + kFull + "/backup.manifest", "");
  const auto contents = Pass(*reader_);
  EXPECT_EQ(Of(*contents, kDiff).flaws, std::vector<std::string>{"its folder is missing"});
  EXPECT_EQ(Of(*contents, kIncr).flaws, std::vector<std::string>{"its backup.manifest is missing or empty"});
  EXPECT_EQ(Of(*contents, kFull).flaws, std::vector<std::string>{"its backup.manifest is missing or empty"});
}

TEST_F(PgbackrestTest, AFolderThatBackupInfoDoesNotKnowHasNoMetadata) {
  PutRepository();
  Put("backup/main/20261125-205900F/backup.manifest.copy", "manifest");
  Put("backup/main/backup.history/2026/20261125-201420F.manifest.gz", "old");
  const auto contents = Pass();
  EXPECT_EQ(contents->catalogue.backups.size(), 4U);
  const auto backup = Of(*contents, "20261125-205900F");
  EXPECT_EQ(backup.outcome, BackupOutcome::kNoMetadata);
  EXPECT_EQ(backup.type, BackupType::kFull);
  EXPECT_EQ(backup.first_stored, At("2026-11-25T20:14:31Z"));
}

TEST_F(PgbackrestTest, PageErrorsAreAFlawAndAnOfflineBackupNeedsNoWal) {
  PutRepository();
  auto info = Replaced(File("backup.info"), "\"backup-error\":false", "\"backup-error\":true");
  info = Replaced(info, "\"option-online\":true", "\"option-online\":false");
  Put("backup/main/backup.info", info);
  const auto full = Of(*Pass(), kFull);
  EXPECT_EQ(full.flaws.size(), 1U);
  EXPECT_TRUE(full.self_contained);
}

TEST_F(PgbackrestTest, AfterAMajorUpgradeOnlyTheNewDatabaseCounts) {
  PutRepository();
  const auto history = [](const std::string& key) {
    return "1={\"" + key + "\":" + kSystem + ",\"db-version\":\"15\"}\n2={\"" + key +
           "\":42,\"db-version\":\"16\"}\n\n[backrest]\nbackrest-checksum=\"x\"\n";
  };
  const std::string head = "[backrest]\nbackrest-format=5\n\n[db]\ndb-id=2\n\n";
  Put("archive/main/archive.info", head + "[db:history]\n" + history("db-id"));
  auto backups = File("backup.info");
  const auto begin = backups.find("[backup:current]");
  backups = backups.substr(begin, backups.find("[db]") - begin);
  Put("backup/main/backup.info",
      head + Replaced(backups, "\"db-id\":1", "\"db-id\":2") + "[db:history]\n" + history("db-system-id"));
  PutWal("", "16-2", 1, 3);
  const auto contents = Pass();
  EXPECT_EQ(contents->system_identifiers, std::vector<std::string>{"42"});
  EXPECT_EQ(contents->wal.stored.size(), 3U);
  EXPECT_TRUE(Of(*contents, kFull).flaws.empty());
  EXPECT_EQ(Of(*contents, kFull).system_identifier, "42");
  EXPECT_EQ(Of(*contents, kIncr).system_identifier, kSystem);
  ASSERT_EQ(Of(*contents, kIncr).flaws.size(), 1U);
  EXPECT_NE(Of(*contents, kIncr).flaws[0].find("database 1"), std::string::npos);
}

TEST_F(PgbackrestTest, FollowsAnUpgradeBetweenPasses) {
  PutRepository();
  Pass();
  Put("archive/main/archive.info",
      "[backrest]\nbackrest-format=5\n[db]\ndb-id=2\n[db:history]\n2={\"db-id\":42,\"db-version\":\"16\"}\n"
      "[backrest]\nbackrest-checksum=\"x\"\n");
  PutWal("", "16-2", 1, 3);
  EXPECT_EQ(Pass(*reader_)->wal.stored.size(), 3U);
}

TEST_F(PgbackrestTest, LaterPassesCostTheSameHoweverManyTheBackups) {
  PutRepository();
  std::string more;
  const auto info = File("backup.info");
  const auto value = info.substr(info.find("F={") + 1, info.find("\n20261125-201420F_") - info.find("F={") - 1);
  for (int i = 0; i < 40; ++i) {
    const auto label = "20250101-1000" + std::to_string(10 + i) + "F";
    more += label + value + "\n";
    PutManifest(label);
  }
  Put("backup/main/backup.info", Replaced(info, "[backup:current]\n", "[backup:current]\n" + more));
  EXPECT_EQ(Pass()->catalogue.backups.size(), 43U);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(Pass(*reader_)->catalogue.backups.size(), 43U);
    EXPECT_EQ(store_->gets, 1);               // archive.info
    EXPECT_EQ(store_->lists, 1 + 8 + 1 + 1);  // the folders, some manifests, new WAL, old WAL
  }
  disk_.Remove("backup/main/20250101-100020F/backup.manifest");
  std::size_t flawed = 0;
  for (int i = 0; i < 6 && flawed == 0; ++i) flawed = Of(*Pass(*reader_), "20250101-100020F").flaws.size();
  EXPECT_EQ(flawed, 1U);
}

TEST_F(PgbackrestTest, TheCopyIsReadWhereTheFileIsBrokenOrGone) {
  PutRepository();
  Put("archive/main/archive.info.copy", File("archive.info"));
  Put("backup/main/backup.info.copy", File("backup.info"));
  const auto cut = File("backup.info").substr(0, 2300);
  Put("backup/main/backup.info", cut.substr(0, cut.rfind('\n')));
  disk_.Remove("archive/main/archive.info");
  EXPECT_EQ(Pass()->catalogue.backups.size(), 3U);
  disk_.Remove("archive/main/archive.info.copy");
  EXPECT_EQ(Open()->Pass({}).error().kind, base::ErrorKind::kNotFound);
}

TEST_F(PgbackrestTest, AStanzaWithoutBackupsIsNoError) {
  Put("archive/main/archive.info", File("archive.info"));
  const auto contents = Pass();
  EXPECT_TRUE(contents->catalogue.backups.empty());
  EXPECT_FALSE(contents->wal.segment_size);
}

TEST_F(PgbackrestTest, WhatCannotBeReadFailsThePass) {
  PutRepository();
  Pass();
  Put("backup/main/backup.info", "[backup:current]\nnonsense\n");
  EXPECT_EQ(reader_->Pass({}).error().kind, base::ErrorKind::kMalformed);
  EXPECT_EQ(reader_->Pass({}).error().subject, "backup/main/backup.info:2");
  for (const auto kind : {base::ErrorKind::kUnavailable, base::ErrorKind::kPermission}) {
    store_->refuse = [&](const std::string&, bool) { return std::optional(kind); };
    EXPECT_EQ(reader_->Pass({}).error().kind, kind);
  }
  store_->refuse = nullptr;
  PutRepository();
  EXPECT_EQ(Pass(*reader_)->catalogue.backups.size(), 3U);
}

TEST_F(PgbackrestTest, ReadsAnEncryptedRepository) {
  PutEncrypted();
  reader_ = Open(WithPassphrase(kPassphrase + "\n"));
  const auto contents = Pass(*reader_);
  EXPECT_EQ(contents->catalogue.backups.size(), 3U);
  EXPECT_EQ(contents->wal.segment_size->bytes(), kMiB);
  EXPECT_EQ(contents->wal.stored.size(), 2U);
  for (const std::uint64_t number : {0xBU, 0x10U}) {
    const auto bytes = reader_->ReadSegment({1, number}, std::chrono::seconds(5));
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    EXPECT_EQ(bytes->size(), kMiB);
    EXPECT_EQ(std::to_string(wal::ReadSegmentHeader(*bytes)->system_identifier), kSystem);
    EXPECT_TRUE(wal::FindLastCommit(*bytes).ok());
  }
}

TEST_F(PgbackrestTest, AnEncryptedSegmentThatIsNotCompressedIsLongerByItsHeaderAndPadding) {
  PutEncrypted();
  const auto key = "archive/main/15-1/0000000100000000/00000001000000000000001";
  disk_.PutSize(key + ("1-" + std::string(40, 'a')), kMiB + 32, clock_.Wall());
  disk_.PutSize(key + ("2-" + std::string(40, 'a')), kMiB, clock_.Wall());
  reader_ = Open(WithPassphrase(kPassphrase));
  const auto contents = Pass(*reader_);
  EXPECT_TRUE(contents->wal.stored.Contains({1, 0x11}));
  EXPECT_TRUE(contents->wal.bad.contains({1, 0x12}));
}

TEST_F(PgbackrestTest, AMissingOrWrongPassphraseIsSaid) {
  PutEncrypted();
  EXPECT_EQ(Open()->Pass({}).error().kind, base::ErrorKind::kAuth);
  for (int i = 0; i < 300; ++i) {  // one of them makes a padding that is right
    const auto wrong = DecryptSalted(File("encrypted.archive.info"), std::to_string(i));
    EXPECT_TRUE(!wrong.ok() || !wrong->starts_with("[backrest]"));
    if (wrong.ok()) {
      EXPECT_EQ(Open(WithPassphrase(std::to_string(i)))->Pass({}).error().kind, base::ErrorKind::kAuth);
    }
  }
  auto reader = Open(WithPassphrase("wrong"));
  const auto error = reader->Pass({}).error();
  EXPECT_EQ(error.kind, base::ErrorKind::kAuth);
  EXPECT_EQ(error.subject, "archive/main/archive.info");
  EXPECT_EQ(error.message.find("wrong"), std::string::npos);
  WithPassphrase(kPassphrase);  // the file is read again
  EXPECT_TRUE(reader->Pass({}).ok());
  EXPECT_FALSE(Open({.stanza = "main", .cipher_pass_file = "/nowhere"})->Pass({}).ok());
}

TEST(PgbackrestCipherTest, RejectsWhatIsNotWhole) {
  const auto file = File("encrypted.archive.info");
  EXPECT_TRUE(DecryptSalted(file, kPassphrase).ok());
  for (const auto size : {std::size_t{0}, std::size_t{8}, std::size_t{16}, file.size() - 1})
    EXPECT_EQ(DecryptSalted(file.substr(0, size), kPassphrase).error().kind, base::ErrorKind::kMalformed) << size;
  EXPECT_EQ(DecryptSalted("x" + file.substr(1), kPassphrase).error().kind, base::ErrorKind::kMalformed);
}

TEST(PgbackrestInfoTest, RejectsWhatMakesNoSense) {
  struct Case {
    std::string text;
    const char* line;
  };
  const auto whole = File("archive.info");
  ASSERT_TRUE(ParseBackrestFile(whole, "f").ok());
  EXPECT_EQ(ParseBackrestFile(whole, "f")->ArchiveId(), "15-1");
  for (const auto& [text, line] :
       {Case{"", "f:1"}, Case{"[db]\nid", "f:2"}, Case{"[db]\ndb-id={", "f:2"}, Case{whole.substr(0, 180), "f:12"},
        Case{Replaced(whole, "format=5", "format=6"), "f:15"}, Case{Replaced(whole, "db-id=1", "db-id=2"), "f"},
        Case{"[db]\ndb-id=" + std::string(100, '['), "f:2"}}) {
    const auto info = ParseBackrestFile(text, "f");
    ASSERT_FALSE(info.ok()) << text;
    EXPECT_EQ(info.error().kind, base::ErrorKind::kMalformed);
    EXPECT_EQ(info.error().subject, line) << text;
  }
}

TEST(PgbackrestInfoTest, TakesTheRepositoryThatIsAskedFor) {
  const auto report = File("two-repositories.json");
  for (const auto& [repository, label] :
       {std::pair{0U, "20261125-201420F"}, {1U, "20261125-201420F"}, {2U, "20261125-201433F"}}) {
    const auto info = ParseBackrestJson(report, "main", repository, "f");
    ASSERT_TRUE(info.ok()) << info.error().message;
    ASSERT_EQ(info->backups.size(), 3U);
    EXPECT_EQ(info->backups[0].backup.id, label);
    EXPECT_EQ(info->ArchiveId(), "15-1");
  }
  EXPECT_TRUE(ParseBackrestJson(report, "main", 3, "f")->backups.empty());
  EXPECT_EQ(ParseBackrestJson(report, "other", 0, "f").error().kind, base::ErrorKind::kNotFound);
  EXPECT_EQ(ParseBackrestJson("{}", "main", 0, "f").error().kind, base::ErrorKind::kMalformed);
}

TEST(PgbackrestInfoTest, ToldTroubleIsTold) {
  const auto of = [](const std::string& status) {
    return ParseBackrestJson(R"([{"name":"main","backup":[],"db":[],"repo":[{"key":1,"status":)" + status + "}]}]",
                             "main", 0, "f");
  };
  EXPECT_TRUE(of(R"({"code":0,"message":"ok"})").ok());
  EXPECT_TRUE(of(R"({"code":2,"message":"no valid backups"})").ok());
  const auto error = of(R"({"code":99,"message":"[FileOpenError] denied"})").error();
  EXPECT_EQ(error.kind, base::ErrorKind::kUnavailable);
  EXPECT_EQ(error.message, "pgBackRest says: [FileOpenError] denied");
}

TEST(PgbackrestReportTest, TellsClaimsWithoutAnyWal) {
  ArchiveOnDisk disk;
  fakes::ManualClock clock;
  clock.Advance(At("2026-11-23T08:00:00Z") - clock.Wall());
  disk.Put("info.json", File("info.json"), At("2026-11-23T07:30:00Z"));
  const auto path = (disk.root() / "info.json").string();
  const auto reader = MakePgbackrestReportReader({.file = path, .stanza = "vgw"}, clock);
  const auto contents = reader->Pass({});
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const auto& backups = (*contents)->catalogue.backups;
  ASSERT_EQ(backups.size(), 3U);
  EXPECT_EQ(backups[1].needs, std::vector<std::string>{"20261123-070114F"});
  EXPECT_EQ(backups[1].begin, wal::Lsn{0x5000028});
  EXPECT_EQ(backups[1].label, "who=nightly");
  EXPECT_EQ(backups[1].system_identifier, "7711258467298675185");
  EXPECT_FALSE((*contents)->wal.segment_size);
  EXPECT_EQ((*contents)->began_at, At("2026-11-23T07:30:00Z"));
  EXPECT_EQ(clock.Steady() - (*contents)->began, std::chrono::minutes(30));
  EXPECT_EQ(reader->ReadSegment({1, 1}, std::chrono::seconds(1)).error().kind, base::ErrorKind::kUnsupported);
  EXPECT_EQ(reader->Place(), path);
  disk.Remove("info.json");
  EXPECT_EQ(reader->Pass({}).error().kind, base::ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pgvigil::archive
