#include "scrape/families_archive.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "metrics/text_writer.h"
#include "scrape/families_source.h"
#include "unit/scrape/samples.h"

namespace pgvigil::scrape {
namespace {

using cluster::BackupMethod;
using cluster::BackupType;
using std::chrono::milliseconds;
using std::chrono::seconds;

base::WallTime Unix(int second) { return base::WallTime(seconds(second)); }

// One archive of which nothing is known yet.
struct Known {
  observe::ArchiveReading reading;
  cluster::ArchiveContents contents;
  verdict::ArchiveVerdict verdict;
  verdict::BackupSummary backups;
  verdict::ArchiveNow now;
  std::optional<base::WallTime> server_archived;
  bool is_read = false;  // contents, verdict and backups are there

  Known() {
    reading.state.name = "s3";
    reading.state.source = "objectstore";
  }

  std::string Page() const {
    observe::ClusterView view;
    view.state.name = {"", "orders"};
    auto published = reading;
    if (is_read) {
      published.state.contents = std::make_shared<const cluster::ArchiveContents>(contents);
      published.verdict = std::make_shared<const verdict::ArchiveVerdict>(verdict);
      published.backups = std::make_shared<const verdict::BackupSummary>(backups);
    }
    view.state.archives.push_back(published.state);
    view.archives.push_back(std::make_shared<const observe::ArchiveReading>(std::move(published)));
    view.site.archives.push_back(now);
    view.site.server_archived = server_archived;
    metrics::Families families;
    AddArchiveFamilies(view, families);
    return metrics::WritePage(std::move(families).Finish()).text;
  }
  std::string Samples() const { return SamplesOf(Page()); }
};

// A whole archive with two backups of one type, from one of which the window begins.
Known Whole() {
  Known known;
  known.is_read = true;
  known.reading.state.store = {true, Unix(5000), {}, milliseconds(250), {}};
  known.reading.state.terms.retention = std::chrono::hours(1);
  known.reading.state.clock_skew = milliseconds(-1500);
  known.server_archived = Unix(4990);
  known.contents.catalogue.backups.resize(2);
  known.contents.catalogue.backups[1].end_time = Unix(2000);
  auto& verdict = known.verdict;
  verdict.run_stored = Unix(4991);
  verdict.proven_end = wal::Lsn{1};
  verdict.proven_timeline = 6;
  verdict.highest_timeline = 7;
  verdict.windows = {{BackupMethod::kBarman, 1, wal::Lsn{1}}};
  auto& method = known.backups.methods.emplace_back();
  method.states = {2, 0, 1, 0, 0, 0};
  method.oldest_done = Unix(1000);
  auto& type = known.backups.types.emplace_back();
  type.last_proven = Unix(3000);
  type.last_claimed = Unix(3100);
  type.last_failure = Unix(3200);
  type.last_seconds = 60;
  type.usual_seconds = 50;
  type.last_bytes = 600;
  type.usual_bytes = 500;
  auto& now = known.now;
  now.known = true;
  now.effective = true;
  now.backlog_bytes = 100;
  now.backlog_segments = 0;
  now.conflicts = verdict::Conflicts{1, 2, 3};
  now.window_ends = {Unix(4000)};
  return known;
}

TEST(FamiliesArchiveTest, OfAnArchiveThatWasNotAskedYetNothingIsKnownButThatThereIsOne) {
  EXPECT_EQ(Known().Samples(), "pgvigil_cluster_archives{pg_cluster=\"orders\"} 1\n");
}

TEST(FamiliesArchiveTest, AClusterWithoutAnArchiveSaysSo) {
  observe::ClusterView view;
  view.state.name = {"shop", "orders"};
  metrics::Families families;
  AddArchiveFamilies(view, families);
  EXPECT_EQ(SamplesOf(metrics::WritePage(std::move(families).Finish()).text),
            "pgvigil_cluster_archives{namespace=\"shop\",pg_cluster=\"orders\"} 0\n");
}

TEST(FamiliesArchiveTest, WhatIsKnownOfAWholeArchive) {
  EXPECT_EQ(Whole().Samples(), R"(pgvigil_cluster_archives{pg_cluster="orders"} 1
pgvigil_source_up{pg_cluster="orders",source="objectstore",archive="s3"} 1
pgvigil_source_last_success_timestamp_seconds{pg_cluster="orders",source="objectstore",archive="s3"} 5000
pgvigil_source_duration_seconds{pg_cluster="orders",source="objectstore",archive="s3"} 0.25
pgvigil_archive_retention_seconds{pg_cluster="orders",archive="s3"} 3600
pgvigil_archive_clock_skew_seconds{pg_cluster="orders",archive="s3"} -1.5
pgvigil_archive_last_wal_timestamp_seconds{pg_cluster="orders",archive="s3",evidence="server"} 4990
pgvigil_archive_last_wal_timestamp_seconds{pg_cluster="orders",archive="s3",evidence="store"} 4991
pgvigil_backup_oldest_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman"} 1000
pgvigil_backup_last_success_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman",type="full",evidence="proof"} 3000
pgvigil_backup_last_success_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman",type="full",evidence="claim"} 3100
pgvigil_backup_last_failure_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman",type="full"} 3200
pgvigil_backup_last_duration_seconds{pg_cluster="orders",archive="s3",method="barman",type="full"} 60
pgvigil_backup_last_size_bytes{pg_cluster="orders",archive="s3",method="barman",type="full"} 600
pgvigil_backup_usual_duration_seconds{pg_cluster="orders",archive="s3",method="barman",type="full"} 50
pgvigil_backup_usual_size_bytes{pg_cluster="orders",archive="s3",method="barman",type="full"} 500
pgvigil_archive_effective{pg_cluster="orders",archive="s3"} 1
pgvigil_archive_backlog_segments{pg_cluster="orders",archive="s3"} 0
pgvigil_archive_backlog_bytes{pg_cluster="orders",archive="s3"} 100
pgvigil_archive_gaps{pg_cluster="orders",archive="s3"} 0
pgvigil_archive_missing_segments{pg_cluster="orders",archive="s3"} 0
pgvigil_archive_missing_histories{pg_cluster="orders",archive="s3"} 0
pgvigil_archive_switch_missing_segments{pg_cluster="orders",archive="s3"} 0
pgvigil_archive_highest_timeline_id{pg_cluster="orders",archive="s3"} 7
pgvigil_archive_timeline_id{pg_cluster="orders",archive="s3"} 6
pgvigil_archive_conflicts{pg_cluster="orders",archive="s3",kind="stranger"} 1
pgvigil_archive_conflicts{pg_cluster="orders",archive="s3",kind="timeline"} 2
pgvigil_archive_conflicts{pg_cluster="orders",archive="s3",kind="position"} 3
pgvigil_backups{pg_cluster="orders",archive="s3",method="barman",state="restorable"} 2
pgvigil_backups{pg_cluster="orders",archive="s3",method="barman",state="broken"} 0
pgvigil_backups{pg_cluster="orders",archive="s3",method="barman",state="failed"} 1
pgvigil_backups{pg_cluster="orders",archive="s3",method="barman",state="running"} 0
pgvigil_backups{pg_cluster="orders",archive="s3",method="barman",state="orphan"} 0
pgvigil_backups{pg_cluster="orders",archive="s3",method="barman",state="archived_tier"} 0
pgvigil_recovery_window_start_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman",evidence="proof"} 2000
pgvigil_recovery_window_end_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman",evidence="proof"} 4000
)");
}

// Samples of one archive that are not there once `change` was made.
std::set<std::string> Lost(const std::function<void(Known&)>& change) {
  auto changed = Whole();
  change(changed);
  auto lost = FamiliesOf(Whole().Page());
  for (const auto& family : FamiliesOf(changed.Page())) lost.erase(family);
  return lost;
}

TEST(FamiliesArchiveTest, EachIsAbsentWhileItIsUnknown) {
  using Names = std::set<std::string>;
  EXPECT_EQ(Lost([](Known& k) { k.now.effective.reset(); }), Names{"pgvigil_archive_effective"});
  EXPECT_EQ(Lost([](Known& k) { k.now.backlog_bytes.reset(); }), Names{"pgvigil_archive_backlog_bytes"});
  EXPECT_EQ(Lost([](Known& k) { k.now.backlog_segments.reset(); }), Names{"pgvigil_archive_backlog_segments"});
  EXPECT_EQ(Lost([](Known& k) { k.now.conflicts.reset(); }), Names{"pgvigil_archive_conflicts"});
  EXPECT_EQ(Lost([](Known& k) { k.now.window_ends = {std::nullopt}; }),
            Names{"pgvigil_recovery_window_end_timestamp_seconds"});
  EXPECT_EQ(Lost([](Known& k) { k.verdict.proven_timeline.reset(); }), Names{"pgvigil_archive_timeline_id"});
  EXPECT_EQ(Lost([](Known& k) { k.reading.state.terms.retention.reset(); }),
            Names{"pgvigil_archive_retention_seconds"});
  EXPECT_EQ(Lost([](Known& k) { k.reading.state.clock_skew.reset(); }), Names{"pgvigil_archive_clock_skew_seconds"});
  EXPECT_EQ(Lost([](Known& k) { k.backups.methods[0].oldest_done.reset(); }),
            Names{"pgvigil_backup_oldest_timestamp_seconds"});
  auto type = [](const std::function<void(verdict::BackupsOfType&)>& change) {
    return Lost([&](Known& k) { change(k.backups.types[0]); });
  };
  EXPECT_EQ(type([](auto& t) { t.last_failure.reset(); }), Names{"pgvigil_backup_last_failure_timestamp_seconds"});
  EXPECT_EQ(type([](auto& t) { t.last_seconds.reset(); }), Names{"pgvigil_backup_last_duration_seconds"});
  EXPECT_EQ(type([](auto& t) { t.last_bytes.reset(); }), Names{"pgvigil_backup_last_size_bytes"});
  EXPECT_EQ(type([](auto& t) { t.usual_seconds.reset(); }), Names{"pgvigil_backup_usual_duration_seconds"});
  EXPECT_EQ(type([](auto& t) { t.usual_bytes.reset(); }), Names{"pgvigil_backup_usual_size_bytes"});
}

TEST(FamiliesArchiveTest, ProofAndClaimStandSideBySideAndEachIsAbsentAlone) {
  const auto success = [](const std::function<void(verdict::BackupsOfType&)>& change) {
    auto known = Whole();
    change(known.backups.types[0]);
    return SamplesOf(known.Page(), "pgvigil_backup_last_success_timestamp_seconds");
  };
  const std::string labels =
      R"(pgvigil_backup_last_success_timestamp_seconds{pg_cluster="orders",archive="s3",method="barman",type="full",)";
  const auto proof = labels + "evidence=\"proof\"} 3000\n", claim = labels + "evidence=\"claim\"} 3100\n";
  EXPECT_EQ(success([](auto&) {}), proof + claim);
  EXPECT_EQ(success([](auto& type) { type.last_proven.reset(); }), claim) << "the tool says done, and it is not whole";
  EXPECT_EQ(success([](auto& type) { type.last_claimed.reset(); }), proof);
}

TEST(FamiliesArchiveTest, WhenTheServerLastArchivedIsKnownWithoutTheStore) {
  Known known;
  known.server_archived = Unix(4990);
  EXPECT_EQ(
      SamplesOf(known.Page(), "pgvigil_archive_last_wal_timestamp_seconds"),
      "pgvigil_archive_last_wal_timestamp_seconds{pg_cluster=\"orders\",archive=\"s3\",evidence=\"server\"} 4990\n");
  auto whole = Whole();
  whole.server_archived.reset();
  EXPECT_EQ(
      SamplesOf(whole.Page(), "pgvigil_archive_last_wal_timestamp_seconds"),
      "pgvigil_archive_last_wal_timestamp_seconds{pg_cluster=\"orders\",archive=\"s3\",evidence=\"store\"} 4991\n");
}

TEST(FamiliesArchiveTest, AnArchiveThatWasNotReadForLongSaysNothingButThat) {
  auto known = Whole();
  known.now = {};
  const base::Error refused{base::ErrorKind::kPermission, "access denied", "s3", {}};
  known.reading.state.store = {false, Unix(5000), {}, milliseconds(250), refused};
  EXPECT_EQ(known.Samples(), R"(pgvigil_cluster_archives{pg_cluster="orders"} 1
pgvigil_source_up{pg_cluster="orders",source="objectstore",archive="s3"} 0
pgvigil_source_last_success_timestamp_seconds{pg_cluster="orders",source="objectstore",archive="s3"} 5000
pgvigil_source_duration_seconds{pg_cluster="orders",source="objectstore",archive="s3"} 0.25
pgvigil_archive_retention_seconds{pg_cluster="orders",archive="s3"} 3600
pgvigil_archive_clock_skew_seconds{pg_cluster="orders",archive="s3"} -1.5
pgvigil_archive_last_wal_timestamp_seconds{pg_cluster="orders",archive="s3",evidence="server"} 4990
)");
}

TEST(FamiliesArchiveTest, APendingHoleIsNotCounted) {
  auto known = Whole();
  known.verdict.gaps = {{{1, 3}, {1, 4}, 2, Unix(1), true}};
  EXPECT_NE(known.Page().find("pgvigil_archive_gaps{pg_cluster=\"orders\",archive=\"s3\"} 0\n"), std::string::npos);
  EXPECT_NE(known.Page().find("missing_segments{pg_cluster=\"orders\",archive=\"s3\"} 0\n"), std::string::npos);
  known.verdict.gaps.push_back({{1, 8}, {1, 10}, 3, Unix(1), false});
  known.verdict.gaps.push_back({{1, 12}, {1, 12}, 1, Unix(1), false});
  EXPECT_NE(known.Page().find("pgvigil_archive_gaps{pg_cluster=\"orders\",archive=\"s3\"} 2\n"), std::string::npos);
  EXPECT_NE(known.Page().find("missing_segments{pg_cluster=\"orders\",archive=\"s3\"} 4\n"), std::string::npos);
}

TEST(FamiliesArchiveTest, AReportOfAToolClaimsAndProvesNothing) {
  auto known = Whole();
  known.contents.proves = false;
  known.reading.state.source = "pgbackrest";
  known.backups.methods[0].method = known.backups.types[0].method = BackupMethod::kPgbackrest;
  known.backups.types[0].last_proven.reset();
  known.now.effective.reset();
  EXPECT_EQ(known.Samples(), R"(pgvigil_cluster_archives{pg_cluster="orders"} 1
pgvigil_source_up{pg_cluster="orders",source="pgbackrest",archive="s3"} 1
pgvigil_source_last_success_timestamp_seconds{pg_cluster="orders",source="pgbackrest",archive="s3"} 5000
pgvigil_source_duration_seconds{pg_cluster="orders",source="pgbackrest",archive="s3"} 0.25
pgvigil_archive_retention_seconds{pg_cluster="orders",archive="s3"} 3600
pgvigil_archive_clock_skew_seconds{pg_cluster="orders",archive="s3"} -1.5
pgvigil_archive_last_wal_timestamp_seconds{pg_cluster="orders",archive="s3",evidence="server"} 4990
pgvigil_backup_oldest_timestamp_seconds{pg_cluster="orders",archive="s3",method="pgbackrest"} 1000
pgvigil_backup_last_success_timestamp_seconds{pg_cluster="orders",archive="s3",method="pgbackrest",type="full",evidence="claim"} 3100
pgvigil_backup_last_failure_timestamp_seconds{pg_cluster="orders",archive="s3",method="pgbackrest",type="full"} 3200
pgvigil_backup_last_duration_seconds{pg_cluster="orders",archive="s3",method="pgbackrest",type="full"} 60
pgvigil_backup_last_size_bytes{pg_cluster="orders",archive="s3",method="pgbackrest",type="full"} 600
pgvigil_backup_usual_duration_seconds{pg_cluster="orders",archive="s3",method="pgbackrest",type="full"} 50
pgvigil_backup_usual_size_bytes{pg_cluster="orders",archive="s3",method="pgbackrest",type="full"} 500
)");
}

TEST(FamiliesArchiveTest, EachMethodAndTypeHasItsOwn) {
  auto known = Whole();
  known.backups.types.push_back({BackupMethod::kDump, BackupType::kFull, Unix(10), {}, {}, {}, {}, {}, {}});
  known.backups.types.push_back({BackupMethod::kPgbackrest, BackupType::kDiff, Unix(20), {}, {}, {}, {}, {}, {}});
  const auto page = known.Page();
  EXPECT_NE(page.find(R"(method="dump",type="full",evidence="proof"} 10)"), std::string::npos) << page;
  EXPECT_NE(page.find(R"(method="pgbackrest",type="diff",evidence="proof"} 20)"), std::string::npos) << page;
}

TEST(FamiliesArchiveTest, EveryFamilyIsDescribedAndEveryDescriptionCanAppear) {
  const auto page = Whole().Page();
  std::set<std::string> names;
  for (const auto descriptors : {ArchiveDescriptors(), SourceDescriptors()}) {
    for (const auto& descriptor : descriptors) {
      EXPECT_TRUE(names.emplace(descriptor.name).second) << descriptor.name;
      EXPECT_FALSE(descriptor.help.empty() || descriptor.help.ends_with('.')) << descriptor.name;
    }
  }
  EXPECT_EQ(FamiliesOf(page), names);
}

TEST(FamiliesRequestsTest, EveryOperationIsCountedFromNothingOn) {
  objectstore::RequestCounts counts;
  for (int i = 0; i < 3; ++i) counts.Count(objectstore::Operation::kGet);
  metrics::Families families;
  AddRequestFamilies(counts, families);
  EXPECT_EQ(SamplesOf(metrics::WritePage(std::move(families).Finish()).text),
            R"(pgvigil_objectstore_requests_total{operation="list"} 0
pgvigil_objectstore_requests_total{operation="get"} 3
pgvigil_objectstore_requests_total{operation="head"} 0
pgvigil_objectstore_requests_total{operation="sts"} 0
pgvigil_objectstore_requests_total{operation="container"} 0
pgvigil_objectstore_requests_total{operation="instance_metadata"} 0
)");
}

}  // namespace
}  // namespace pgvigil::scrape
