// An archive watched by its thread: what is published when it is read, when it cannot be, when hints arrive, and at the
// end. The clock is the test's; the thread looks at it once a second at least.
#include "observe/archive_observer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "fakes/manual_clock.h"
#include "fakes/scripted_server.h"
#include "unit/archive/archive_on_disk.h"
#include "unit/wal/wal_writer.h"

namespace pgvigil::observe {
namespace {

using archive::At;
using archive::kMiB;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kStored = "2026-11-25T20:30:00Z";
constexpr std::uint16_t kMagic15 = 0xD110;
constexpr std::uint64_t kBackupBegins = 0x1300000;  // of the fixture's backup: in segment 19 of 1 MiB
constexpr milliseconds kInterval(20);

// A server's clock in the microseconds since 2000 that WAL has.
std::int64_t Postgres(base::WallTime time) {
  return (time - base::WallTime(std::chrono::sys_days(std::chrono::year(2000) / 1 / 1))).count();
}

class ArchiveObserverTest : public testing::Test {
 protected:
  using Reading = std::shared_ptr<const ArchiveReading>;

  ArchiveObserverTest() { clock_.Advance(At("2026-11-25T21:00:00Z") - clock_.Wall()); }

  ArchiveOptions Options() const {
    ArchiveOptions options;
    options.place.name = "nfs";
    options.place.tool = archive::Tool::kDirectory;
    options.place.directory = (disk_.root() / "wal").string();
    options.place.backups = (disk_.root() / "backups").string();
    options.terms.listing_interval = kInterval;
    return options;
  }
  // An archive behind an S3 server at this port.
  ArchiveOptions OfBucket(int port) {
    ArchiveOptions options;
    options.place.name = "s3";
    options.place.tool = archive::Tool::kBarman;
    options.place.server = "orders";
    options.place.s3 = objectstore::S3Options{};
    options.place.s3->bucket = "backups";
    options.place.s3->endpoint = "http://127.0.0.1:" + std::to_string(port);
    disk_.Put("key", "key\n", At(kStored));
    options.place.s3->credentials = {(disk_.root() / "key").string(), (disk_.root() / "key").string(), ""};
    return options;
  }
  void Start(const ArchiveOptions& options) {
    observer_ = std::make_unique<ArchiveObserver>("orders", options, counts_, clock_);
    exchange_ = observer_->exchange();
  }

  // Of segments from 19 on, each with one commit at this minute, if any.
  void PutSegment(unsigned number, std::optional<int> minute) {
    wal::WalWriter writer(kMagic15, number * kMiB, 8192, kMiB);
    writer.system_identifier = identifier_;
    if (minute) writer.Commit(Postgres(At("2026-11-25T20:00:00Z") + std::chrono::minutes(*minute)));
    writer.Switch();
    disk_.Put("wal/0000000100000000" + archive::Hex8(number), writer.Segment(0), At(kStored));
  }
  void PutBackup() {
    for (const char* file : {"base.tar", "backup_manifest"}) {
      const std::string fixture =
          file == std::string("base.tar") ? "basebackup/base.tar" : "basebackup/backup_manifest.tar";
      disk_.Put(std::string("backups/one/") + file, archive::Fixture(fixture), At(kStored));
    }
    disk_.Put("backups/one/16384.tar", "tablespace", At(kStored));
  }
  void PutPlainBackup(const std::string& id, std::uint64_t identifier) {
    const auto put = [&](const std::string& file, std::string content) {
      disk_.Put("backups/" + id + "/" + file, std::move(content), At(kStored));
    };
    put("backup_manifest", archive::Fixture("basebackup/backup_manifest.plain"));
    put("backup_label", archive::Fixture("basebackup/backup_label"));
    put("PG_VERSION", "15\n");
    put("global/pg_control", wal::Bytes(identifier) + "more");
    put("base/5/112", "relation");
  }
  // A backup and the WAL from its beginning up to the end of segment 20, whose last commit is of 20:20.
  void PutArchive() {
    PutBackup();
    PutSegment(19, 19);
    PutSegment(20, 20);
  }

  // The first reading published that is so. The clock goes on meanwhile: a listing is always due.
  Reading Await(const std::function<bool(const ArchiveReading&)>& is_so) {
    return AwaitWhile([this] { clock_.Advance(2 * kInterval); }, is_so);
  }
  // Likewise while the clock stands.
  Reading AwaitAtOnce(const std::function<bool(const ArchiveReading&)>& is_so) {
    return AwaitWhile([] {}, is_so);
  }
  // The first that was begun after now: what is put or hinted after it meets no reading with older hints.
  Reading AwaitNext() {
    const auto now = clock_.Steady();
    return Await([now](const auto& reading) { return reading.state.contents->began > now; });
  }
  static bool IsRead(const ArchiveReading& reading) { return reading.state.store.up; }

  void Hint(std::optional<std::uint32_t> timeline, std::optional<std::uint64_t> sampled_from = {}) {
    ServerHints hints;
    hints.path.timeline = timeline;
    hints.segment_size = *wal::SegmentSize::FromBytes(kMiB);
    if (sampled_from) hints.sampled_from = wal::Lsn{*sampled_from};
    exchange_->hints.Set(hints);
  }

  std::uint64_t identifier_ = 7000;  // of the cluster whose WAL is put
  fakes::ManualClock clock_;
  archive::ArchiveOnDisk disk_;
  std::shared_ptr<objectstore::RequestCounts> counts_ = std::make_shared<objectstore::RequestCounts>();
  std::unique_ptr<ArchiveObserver> observer_;
  std::shared_ptr<ArchiveExchange> exchange_;

 private:
  Reading AwaitWhile(const std::function<void()>& step, const std::function<bool(const ArchiveReading&)>& is_so) {
    const auto until = std::chrono::steady_clock::now() + seconds(60);
    for (;;) {
      auto reading = exchange_->reading.Get();
      if (is_so(*reading)) return reading;
      if (std::chrono::steady_clock::now() > until) {
        ADD_FAILURE() << "not within a minute";
        return reading;
      }
      step();
      std::this_thread::sleep_for(milliseconds(2));
    }
  }
};

TEST_F(ArchiveObserverTest, AReadingIsPublishedWithWhatFollowsFromIt) {
  PutArchive();
  auto options = Options();
  options.terms.retention = std::chrono::days(7);
  Start(options);
  const auto reading = Await(IsRead);
  EXPECT_EQ(observer_->cluster(), "orders");
  EXPECT_EQ(observer_->options(), options);
  EXPECT_EQ(reading->state.name, "nfs");
  EXPECT_EQ(reading->state.source, "objectstore");
  EXPECT_EQ(reading->state.place, options.place.directory);
  EXPECT_EQ(reading->state.terms, options.terms);
  EXPECT_EQ(reading->state.methods, archive::Methods(options.place));
  EXPECT_FALSE(reading->state.store.error);
  EXPECT_TRUE(reading->state.store.duration);
  EXPECT_LE(*reading->state.store.last_success, clock_.Wall());
  EXPECT_GE(*reading->state.store.last_success, At("2026-11-25T21:00:00Z"));
  EXPECT_LE(*reading->state.store.last_success_steady, clock_.Steady());
  ASSERT_TRUE(reading->state.contents);
  EXPECT_EQ(reading->state.contents->wal.stored.size(), 2U);
  ASSERT_EQ(reading->verdict->backups.size(), 1U);
  EXPECT_EQ(reading->verdict->backups[0].state, verdict::BackupState::kRestorable) << reading->verdict->backups[0].why;
  EXPECT_EQ(reading->verdict->proven_end, wal::Lsn{21 * kMiB});
  ASSERT_EQ(reading->backups->methods.size(), 1U);
  EXPECT_EQ(reading->backups->methods[0].states[0], 1);
}

TEST_F(ArchiveObserverTest, BeforeTheFirstReadingThereIsOneThatKnowsNothing) {
  fakes::ScriptedServer silent([&](int connection) { silent.AwaitHangup(connection); });
  Start(OfBucket(silent.port()));
  const auto reading = exchange_->reading.Get();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->state.name, "s3");
  EXPECT_FALSE(reading->state.store.up);
  EXPECT_FALSE(reading->state.store.error) << "not asked, and so not down";
  EXPECT_FALSE(reading->state.contents);
  EXPECT_FALSE(reading->verdict);
  EXPECT_FALSE(reading->backups);
}

// A server that accepts a request and never answers it.
TEST_F(ArchiveObserverTest, StopsWhileItsStoreHangs) {
  fakes::ScriptedServer silent([&](int connection) { silent.AwaitHangup(connection); });
  testing::internal::CaptureStderr();
  Start(OfBucket(silent.port()));
  AwaitAtOnce([&](const ArchiveReading&) { return silent.connections() > 0; });
  observer_.reset();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "it was not left behind, and stopping is no failure";
  EXPECT_FALSE(exchange_->reading.Get()->state.store.error) << "nothing is said of a request that was cancelled";
  EXPECT_EQ(counts_->Of(objectstore::Operation::kList), 1U);
}

TEST_F(ArchiveObserverTest, AFailureKeepsTheFormerReading) {
  PutArchive();
  Start(Options());
  const auto before = Await(IsRead);
  std::filesystem::rename(disk_.root() / "wal", disk_.root() / "gone");
  const auto failed = Await([](const ArchiveReading& reading) { return !reading.state.store.up; });
  ASSERT_TRUE(failed->state.store.error);
  EXPECT_EQ(failed->state.store.error->kind, base::ErrorKind::kNotFound);
  ASSERT_TRUE(failed->state.contents);
  EXPECT_EQ(failed->state.contents->wal.stored.size(), 2U);
  EXPECT_EQ(failed->verdict->proven_end, before->verdict->proven_end);
  EXPECT_EQ(failed->backups->methods.size(), 1U);
  ASSERT_TRUE(failed->state.store.last_success);
  EXPECT_LT(*failed->state.store.last_success, clock_.Wall());

  std::filesystem::rename(disk_.root() / "gone", disk_.root() / "wal");
  const auto again = Await(IsRead);
  EXPECT_FALSE(again->state.store.error);
  EXPECT_GT(*again->state.store.last_success, *failed->state.store.last_success);
}

TEST_F(ArchiveObserverTest, AFailureAndItsEndAreSaidOnce) {
  PutArchive();
  testing::internal::CaptureStderr();
  Start(Options());
  Await(IsRead);
  std::filesystem::rename(disk_.root() / "wal", disk_.root() / "gone");
  const auto failed = Await([](const ArchiveReading& reading) { return !reading.state.store.up; });
  Await([&](const ArchiveReading&) { return exchange_->reading.Get() != failed; });
  std::filesystem::rename(disk_.root() / "gone", disk_.root() / "wal");
  Await(IsRead);
  observer_.reset();
  const auto said = testing::internal::GetCapturedStderr();
  const auto count = [&](const std::string& text) {
    std::size_t found = 0;
    for (auto at = said.find(text); at != std::string::npos; at = said.find(text, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("archive cannot be read"), 1U) << said;
  EXPECT_EQ(count("archive is read again"), 1U) << said;
  EXPECT_EQ(count("pg_cluster=orders archive=nfs"), 2U) << said;
}

TEST_F(ArchiveObserverTest, ListsAgainWhenItsIntervalHasPassed) {
  PutArchive();
  Start(Options());
  Await(IsRead);
  PutSegment(21, 21);
  const auto grown = Await([](const auto& reading) { return reading.state.contents->wal.stored.size() == 3; });
  EXPECT_EQ(grown->verdict->proven_end, wal::Lsn{22 * kMiB});
}

// The clock stands: nothing but the new timeline makes the archive be read.
TEST_F(ArchiveObserverTest, ANewTimelineMakesTheArchiveBeReadAtOnce) {
  PutArchive();
  Start(Options());
  AwaitAtOnce(IsRead);
  EXPECT_EQ(exchange_->reading.Get()->verdict->timeline, 1U);
  Hint(2);
  const auto reading = AwaitAtOnce([](const ArchiveReading& r) { return r.verdict->timeline == 2; });
  EXPECT_EQ(reading->verdict->timeline, 2U) << "the path that the hint told";
}

// Nothing in an archive of compressed segments tells how large they are.
TEST_F(ArchiveObserverTest, TheServersSegmentSizeIsPassedOn) {
  disk_.Put("wal/000000010000000000000013.lz4", "compressed", At(kStored));
  std::filesystem::create_directories(disk_.root() / "backups");
  Start(Options());
  EXPECT_FALSE(Await(IsRead)->state.contents->wal.segment_size);
  Hint({});
  const auto reading = Await([](const auto& r) { return r.state.contents->wal.segment_size.has_value(); });
  EXPECT_EQ(reading->state.contents->wal.segment_size->bytes(), kMiB);
  EXPECT_EQ(reading->state.contents->wal.stored.size(), 1U);
}

TEST_F(ArchiveObserverTest, WithoutSamplesTheLastCommitIsReadFromTheWal) {
  PutArchive();
  Start(Options());
  const auto reading = Await(IsRead);
  ASSERT_TRUE(reading->state.contents->last_commit);
  EXPECT_EQ(reading->state.contents->last_commit->at, At("2026-11-25T20:20:00Z"));
  EXPECT_EQ(reading->state.contents->last_commit->segment, (wal::Segment{1, 20}));
}

TEST_F(ArchiveObserverTest, WhereThePositionClockTellsTimesTheWalIsNotRead) {
  PutBackup();
  std::filesystem::create_directories(disk_.root() / "wal");
  Start(Options());
  Await(IsRead);
  Hint(1, 21 * kMiB);
  AwaitNext();
  PutSegment(20, 20);
  PutSegment(19, 19);  // last: with it everything is proven at once
  const auto sampled = Await([](const auto& reading) { return reading.verdict->proven_end == wal::Lsn{21 * kMiB}; });
  EXPECT_FALSE(sampled->state.contents->last_commit) << "the oldest sample is the proven end";
  Hint(1, 21 * kMiB + 1);
  const auto read = Await([](const auto& reading) { return reading.state.contents->last_commit.has_value(); });
  EXPECT_EQ(read->state.contents->last_commit->at, At("2026-11-25T20:20:00Z"));
}

TEST_F(ArchiveObserverTest, ThenTheLastCommitThatWasReadBeforeIsRemembered) {
  PutArchive();
  Start(Options());
  Await(IsRead);
  Hint(1, 20 * kMiB);
  AwaitNext();
  PutSegment(21, 21);
  const auto grown = Await([](const auto& reading) { return reading.state.contents->wal.stored.size() == 3; });
  ASSERT_TRUE(grown->state.contents->last_commit);
  EXPECT_EQ(grown->state.contents->last_commit->at, At("2026-11-25T20:20:00Z")) << "segment 21 is not read";
  disk_.Remove("wal/000000010000000000000014");
  const auto shorter = Await([](const auto& reading) { return reading.verdict->proven_end == wal::Lsn{20 * kMiB}; });
  EXPECT_FALSE(shorter->state.contents->last_commit) << "the proven WAL does not reach it any more";
}

TEST_F(ArchiveObserverTest, TheLastCommitIsReadAgainOnlyWhenTheEndMoved) {
  PutArchive();
  Start(Options());
  Await(IsRead);
  // What lies there says something else now: who read it again would say so, too.
  PutSegment(20, 45);
  const auto later = AwaitNext();
  EXPECT_EQ(later->state.contents->last_commit->at, At("2026-11-25T20:20:00Z"));
  PutSegment(21, 21);
  const auto moved = Await([](const auto& reading) { return reading.state.contents->wal.stored.size() == 3; });
  EXPECT_EQ(moved->state.contents->last_commit->at, At("2026-11-25T20:21:00Z"));
}

TEST_F(ArchiveObserverTest, ASegmentThatIsNoWalCountsAsMissingUntilItIsReplaced) {
  PutArchive();
  disk_.Put("wal/000000010000000000000015", std::string(kMiB, '\0'), At(kStored));
  Start(Options());
  const auto reading = Await(IsRead);
  EXPECT_EQ(reading->verdict->proven_end, wal::Lsn{21 * kMiB});
  EXPECT_EQ(reading->state.contents->wal.bad.at({1, 21}).damage, "it does not begin as WAL does");
  EXPECT_EQ(reading->state.contents->last_commit->at, At("2026-11-25T20:20:00Z"));
  PutSegment(21, 21);
  const auto replaced = Await([](const auto& r) { return r.verdict->proven_end == wal::Lsn{22 * kMiB}; });
  EXPECT_TRUE(replaced->state.contents->wal.bad.empty());
  EXPECT_EQ(replaced->state.contents->last_commit->at, At("2026-11-25T20:21:00Z"));
}

TEST_F(ArchiveObserverTest, WalOfAnotherClusterThanTheServersCountsAsMissing) {
  PutArchive();
  Start(Options());
  Await(IsRead);
  ServerHints hints;
  hints.path.system_identifier = "7000";
  exchange_->hints.Set(hints);
  AwaitNext();
  identifier_ = 7001;
  PutSegment(21, 21);
  const auto reading = Await([](const auto& r) { return !r.state.contents->wal.bad.empty(); });
  EXPECT_EQ(reading->verdict->proven_end, wal::Lsn{21 * kMiB});
  EXPECT_EQ(reading->state.contents->wal.bad.at({1, 21}).damage.substr(0, 24), "it is of another cluster");
}

TEST_F(ArchiveObserverTest, WhereBackupsDifferTheWalTellsWhoseItIsInEveryPass) {
  for (unsigned number = 18; number < 20; ++number) PutSegment(number, 19);
  PutSegment(20, 20);
  PutPlainBackup("ours", 7000);
  PutPlainBackup("strange", 7001);
  Start(Options());
  Await(IsRead);
  for (int pass = 0; pass < 3; ++pass) {
    const auto reading = AwaitNext();
    for (std::size_t i = 0; i < 2; ++i) {
      const bool ours = reading->state.contents->catalogue.backups.at(i).id == "ours";
      const auto wanted = ours ? verdict::BackupState::kRestorable : verdict::BackupState::kBroken;
      EXPECT_EQ(reading->verdict->backups.at(i).state, wanted) << reading->verdict->backups.at(i).why;
    }
  }
}

TEST_F(ArchiveObserverTest, TheTimeOfAnUploadIsNoStart) {
  PutArchive();
  Start(Options());
  const auto reading = Await(IsRead);
  const auto& backup = reading->state.contents->catalogue.backups.at(0);
  EXPECT_EQ(backup.end_time, At(kStored));
  EXPECT_EQ(cluster::RestorableFrom(backup), At("2026-11-25T20:19:00Z")) << "the last commit before its end";
}

// Its label names the second it began in; a commit before it in that second is in the backup.
TEST_F(ArchiveObserverTest, ABackupWithoutACommitStartsAtTheEndOfItsSecond) {
  PutBackup();
  PutSegment(19, std::nullopt);
  Start(Options());
  const auto reading = Await(IsRead);
  const auto& backup = reading->state.contents->catalogue.backups.at(0);
  ASSERT_TRUE(backup.begin_time);
  EXPECT_EQ(cluster::RestorableFrom(backup), *backup.begin_time + std::chrono::microseconds(999'999));
}

TEST_F(ArchiveObserverTest, SomeoneWhoStillReadsItOutlivesNothing) {
  PutArchive();
  Start(Options());
  const auto reading = Await(IsRead);
  observer_.reset();
  EXPECT_EQ(reading->state.contents->wal.stored.size(), 2U);
  EXPECT_EQ(exchange_->reading.Get()->state.name, "nfs");
}

}  // namespace
}  // namespace pgvigil::observe
