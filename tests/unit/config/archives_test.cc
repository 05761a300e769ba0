// clusters[].archive[] of the configuration.
#include "config/archives.h"

#include "unit/config/config_scene.h"

namespace pgvigil::config {
namespace {

class ArchivesTest : public ConfigTest {
 protected:
  void SetUp() override {
    ConfigTest::SetUp();
    for (const char* name : {"key", "secret", "token", "ca.pem"}) Write(name, "x\n");
  }

  // The archives of a cluster with these entries, one a line from line 4 on; none if anything is wrong.
  std::vector<observe::ArchiveOptions> Archives(const std::string& entries, const std::string& end = {}) {
    const auto config = LoadText("clusters:\n  - name: orders\n    archive:\n" + entries +
                                 "    instances: [{name: x, dsn: \"host=a\"}]\n" + end);
    return config ? config->observe.clusters.at(0).archives : std::vector<observe::ArchiveOptions>();
  }
};

TEST_F(ArchivesTest, EveryKeyOfABucketIsRead) {
  const auto archives = Archives(
      "      - {name: s3, retention: 30d, barman: {bucket: store, path: p, server: s, endpoint: 'https://h:9', region: "
      "r, "
      "addressing: path, ca_file: ca.pem, credentials: {access_key_id_file: key, secret_access_key_file: secret, "
      "session_token_file: token}}}\n",
      "intervals: {archive: 90s}\n");
  ASSERT_EQ(archives.size(), 1U) << problems_;
  const auto& place = archives[0].place;
  EXPECT_EQ(place.name, "s3");
  EXPECT_EQ(place.tool, archive::Tool::kBarman);
  EXPECT_EQ(place.server, "s");
  EXPECT_EQ(place.directory, "");
  ASSERT_TRUE(place.s3);
  EXPECT_EQ(place.s3->bucket, "store");
  EXPECT_EQ(place.s3->path, "p");
  EXPECT_EQ(place.s3->endpoint, "https://h:9");
  EXPECT_EQ(place.s3->region, "r");
  EXPECT_EQ(place.s3->addressing, objectstore::Addressing::kPath);
  EXPECT_EQ(place.s3->ca_file, directory_ + "ca.pem") << "relative paths start at the file's folder";
  EXPECT_EQ(place.s3->credentials.access_key_id_file, directory_ + "key");
  EXPECT_EQ(place.s3->credentials.secret_access_key_file, directory_ + "secret");
  EXPECT_EQ(place.s3->credentials.session_token_file, directory_ + "token");
  EXPECT_EQ(archives[0].terms.retention, std::chrono::days(30));
  EXPECT_EQ(archives[0].terms.listing_interval, std::chrono::seconds(90));
}

TEST_F(ArchivesTest, WhatIsLeftOutIsTheStoresOwnChoice) {
  const auto archives = Archives(
      "      - {name: a, barman: {bucket: store, server: s}}\n"
      "      - {name: v, barman: {bucket: store, server: s, addressing: virtual}}\n");
  ASSERT_EQ(archives.size(), 2U) << problems_;
  EXPECT_EQ(archives[0].place.s3->addressing, objectstore::Addressing::kAutomatic);
  EXPECT_EQ(archives[1].place.s3->addressing, objectstore::Addressing::kVirtualHost);
  EXPECT_TRUE(archives[0].place.s3->credentials.empty());
  EXPECT_FALSE(archives[0].terms.retention);
  EXPECT_EQ(archives[0].terms.listing_interval, std::chrono::seconds(60));
}

TEST_F(ArchivesTest, EveryKeyOfADirectoryIsRead) {
  const auto archives = Archives(
      "      - {name: nfs, directory: {path: nfs, server: s, wal: w, backups: /b, dumps: ['n/*.dump', '*.sql']}}\n"
      "      - {name: mounted, barman: {directory: nfs, server: s}}\n");
  ASSERT_EQ(archives.size(), 2U) << problems_;
  const auto& place = archives[0].place;
  EXPECT_EQ(place.tool, archive::Tool::kDirectory);
  EXPECT_EQ(place.directory, directory_ + "nfs");
  EXPECT_EQ(place.server, "s");
  EXPECT_EQ(place.wal, "w");
  EXPECT_EQ(place.backups, "/b");
  EXPECT_EQ(place.dumps, (std::vector<std::string>{"n/*.dump", "*.sql"}));
  EXPECT_FALSE(place.s3);
  EXPECT_EQ(archives[1].place.tool, archive::Tool::kBarman);
  EXPECT_EQ(archives[1].place.directory, directory_ + "nfs");
}

TEST_F(ArchivesTest, EveryKeyOfARepositoryIsRead) {
  const auto archives = Archives(
      "      - {name: repo1, pgbackrest: {stanza: main, passphrase_file: secret, repo: {bucket: store, path: p}}}\n"
      "      - {name: repo2, pgbackrest: {stanza: main, repo: {directory: /r}}}\n"
      "      - {name: info, pgbackrest: {stanza: main, info_file: info.json}}\n"
      "      - {name: walg, walg: {bucket: store, path: p}}\n");
  ASSERT_EQ(archives.size(), 4U) << problems_;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(archives[static_cast<std::size_t>(i)].place.tool, archive::Tool::kPgbackrest);
    EXPECT_EQ(archives[static_cast<std::size_t>(i)].place.stanza, "main");
  }
  EXPECT_EQ(archives[0].place.passphrase_file, directory_ + "secret");
  EXPECT_EQ(archives[0].place.s3->path, "p");
  EXPECT_EQ(archives[1].place.directory, "/r");
  EXPECT_EQ(archives[2].place.info_file, directory_ + "info.json");
  EXPECT_EQ(archives[3].place.tool, archive::Tool::kWalg);
  EXPECT_EQ(archives[3].place.s3->bucket, "store");
}

// A mistake in an archive's line, and what is said of it: all there is.
struct Mistake {
  const char* line;
  const char* problem;  // behind "c.yaml:4:"
};

TEST_F(ArchivesTest, EachMistakeIsSaidAtItsPlace) {
  for (const auto& [line, problem] : {
           Mistake{"{directory: {path: /a}}",
                   "9: clusters[0].archive[0].name: missing: Name of the archive: the label archive\n"},
           Mistake{"{name: '', directory: {path: /a}}",
                   "16: clusters[0].archive[0].name: expected text that is not empty, found \"\"\n"},
           Mistake{
               "{name: a}",
               "9: clusters[0].archive[0]: expected exactly one of barman, directory, pgbackrest, walg, found none\n"},
           Mistake{"{name: a, walg: {directory: /a}, directory: {path: /a}}",
                   "9: clusters[0].archive[0]: expected exactly one of barman, directory, pgbackrest, walg, found "
                   "several\n"},
           Mistake{
               "{name: a, s3: {bucket: store}}",
               "9: clusters[0].archive[0]: expected exactly one of barman, directory, pgbackrest, walg, found none\n"
               "c.yaml:4:19: clusters[0].archive[0].s3: unknown key; there are: name, barman, directory, "
               "pgbackrest, walg, retention\n"},
           Mistake{"{name: a, retention: 1m, directory: {path: /a}}",
                   "30: clusters[0].archive[0].retention: expected a duration such as 500ms, 30s, 5m, 26h or 7d, 1h or "
                   "more, found \"1m\"\n"},
           // barman
           Mistake{"{name: a, barman: {bucket: store}}",
                   "27: clusters[0].archive[0].barman.server: missing: barman's server name: the folder of this "
                   "cluster's backups below the path\n"},
           Mistake{"{name: a, barman: {server: s}}",
                   "27: clusters[0].archive[0].barman: expected exactly one of bucket, directory, found none\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, directory: /d}}",
                   "27: clusters[0].archive[0].barman: expected exactly one of bucket, directory, found several\n"},
           Mistake{
               "{name: a, barman: {server: s, bucket: store, addressing: host}}",
               "66: clusters[0].archive[0].barman.addressing: expected one of auto, path, virtual, found \"host\"\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, ca_file: none.pem}}",
                   "63: clusters[0].archive[0].barman.ca_file: cannot read none.pem: No such file or directory\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, credentials: {access_key_id_file: key}}}",
                   "67: clusters[0].archive[0].barman.credentials.secret_access_key_file: missing: File that holds the "
                   "secret access key\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, credentials: {secret_access_key_file: key}}}",
                   "67: clusters[0].archive[0].barman.credentials.access_key_id_file: missing: File that holds the "
                   "access key id; read anew for every request\n"},
           Mistake{
               "{name: a, barman: {server: s, bucket: store, credentials: {access_key_id_file: no1, "
               "secret_access_key_file: no2, session_token_file: no3}}}",
               "88: clusters[0].archive[0].barman.credentials.access_key_id_file: cannot read no1: No such file or "
               "directory\n"
               "c.yaml:4:117: clusters[0].archive[0].barman.credentials.secret_access_key_file: cannot read no2: No "
               "such file or directory\n"
               "c.yaml:4:142: clusters[0].archive[0].barman.credentials.session_token_file: cannot read no3: No "
               "such file or directory\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, endpoint: 'h:9'}}",
                   "64: clusters[0].archive[0].barman.endpoint: expected an address such as https://host:port\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, endpoint: 'https://u:hunter2@h'}}",
                   "64: clusters[0].archive[0].barman.endpoint: an address takes no user name or password\n"},
           Mistake{"{name: a, barman: {server: s, bucket: store, region: 'EU West'}}",
                   "62: clusters[0].archive[0].barman.region: expected the name of a region, found \"EU West\"\n"},
           Mistake{"{name: a, barman: {server: s, bucket: s3}}",
                   "47: clusters[0].archive[0].barman.bucket: expected the name of a bucket, found \"s3\"\n"},
           // directory
           Mistake{
               "{name: a, directory: {wal: w}}",
               "30: clusters[0].archive[0].directory.path: missing: Directory that archive_command or pg_receivewal "
               "writes to, or that barman-cloud fills\n"},
           Mistake{"{name: a, directory: {path: /a, dumps: '*'}}",
                   "48: clusters[0].archive[0].directory.dumps: expected a list of text, found text\n"},
           // pgBackRest, WAL-G
           Mistake{"{name: a, pgbackrest: {repo: {directory: /a}}}",
                   "31: clusters[0].archive[0].pgbackrest.stanza: missing: Name of the stanza\n"},
           Mistake{"{name: a, pgbackrest: {stanza: s}}",
                   "31: clusters[0].archive[0].pgbackrest: expected exactly one of repo, info_file, found none\n"},
           Mistake{"{name: a, pgbackrest: {stanza: s, info_file: /i, repo: {directory: /a}}}",
                   "31: clusters[0].archive[0].pgbackrest: expected exactly one of repo, info_file, found several\n"},
           Mistake{
               "{name: a, pgbackrest: {stanza: s, repo: {region: r}}}",
               "49: clusters[0].archive[0].pgbackrest.repo: expected exactly one of bucket, directory, found none\n"},
           Mistake{
               "{name: a, pgbackrest: {stanza: s, passphrase_file: no, repo: {directory: /a}}}",
               "60: clusters[0].archive[0].pgbackrest.passphrase_file: cannot read no: No such file or directory\n"},
           Mistake{"{name: a, walg: {path: p}}",
                   "25: clusters[0].archive[0].walg: expected exactly one of bucket, directory, found none\n"},
           Mistake{"{name: a, walg: {bucket: 'gs://b'}}",
                   "34: clusters[0].archive[0].walg.bucket: Google Cloud Storage is not read yet: an S3 bucket, gs:// "
                   "by its "
                   "S3-compatible endpoint with HMAC keys, or a directory is, found \"gs://b\"\n"},
       }) {
    EXPECT_TRUE(Archives(std::string("      - ") + line + "\n").empty());
    EXPECT_EQ(problems_, std::string("c.yaml:4:") + problem) << line;
  }
}

TEST_F(ArchivesTest, TwoOfOneNameAreRefused) {
  EXPECT_TRUE(Archives("      - {name: a, directory: {path: /a}}\n      - {name: a, walg: {directory: /b}}\n").empty());
  EXPECT_EQ(problems_, "c.yaml:5:16: clusters[0].archive[1].name: clusters[0].archive[0] has the same name\n");
}

// What is shown says the same, and every file stays a file.
TEST_F(ArchivesTest, WhatIsShownOfThemIsAConfigurationOfThem) {
  const auto config = LoadText(R"(
clusters:
  - name: orders
    instances: [{name: x, dsn: "host=a"}]
    archive:
      - {name: s3, retention: 30d, barman: {bucket: store, path: p, server: s, endpoint: "https://h:9", region: r, addressing: path, ca_file: ca.pem, credentials: {access_key_id_file: key, secret_access_key_file: secret, session_token_file: token}}}
      - {name: v, walg: {bucket: store, addressing: virtual}}
      - {name: nfs, directory: {path: nfs, server: s, wal: w, backups: /b, dumps: ["n/*.dump", "*.sql"]}}
      - {name: mounted, barman: {directory: "a b", server: s}}
      - {name: repo, pgbackrest: {stanza: main, passphrase_file: secret, repo: {directory: /r}}}
      - {name: info, pgbackrest: {stanza: main, info_file: info.json}}
    schedules:
      - {name: nightly, cron: "0 0 2 * * *", timezone: Europe/Berlin, match: {method: barman, type: full}}
      - {name: other, cron: "TZ=America/New_York @daily", timezone: Europe/Berlin, suspend: true}
intervals: {archive: 90s}
)");
  ASSERT_TRUE(config) << problems_;
  const auto again = LoadText(config->redacted);
  ASSERT_TRUE(again) << problems_ << config->redacted;
  EXPECT_EQ(again->redacted, config->redacted);
  const auto& was = config->observe.clusters.at(0);
  const auto& is = again->observe.clusters.at(0);
  EXPECT_EQ(is.archives, was.archives) << config->redacted;
  ASSERT_EQ(is.schedules.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(is.schedules[i].name, was.schedules[i].name);
    EXPECT_EQ(is.schedules[i].cron.text(), was.schedules[i].cron.text());
    EXPECT_EQ(is.schedules[i].cron.zone().Name(), was.schedules[i].cron.zone().Name());
    EXPECT_EQ(is.schedules[i].match_method, was.schedules[i].match_method);
    EXPECT_EQ(is.schedules[i].match_type, was.schedules[i].match_type);
    EXPECT_EQ(is.schedules[i].suspended, was.schedules[i].suspended);
  }
}

}  // namespace
}  // namespace pgvigil::config
