// What `pgvigil audit` prints of an archive.
#include "cli/audit_text.h"

#include <gtest/gtest.h>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::cli {
namespace {

using verdict::BackupOf;
using verdict::Store;

// As the auditor concludes, without a store to read.
ArchiveAudit AuditOf(const Store& store, const std::vector<cluster::WalFile>& files = {}) {
  ArchiveAudit audit;
  audit.cluster = "orders";
  auto& state = audit.reading.state;
  state.name = "s3";
  state.place = "s3://backups/orders";
  auto contents = std::make_shared<cluster::ArchiveContents>(store.contents);
  contents->began_at = verdict::Hour(1000);
  state.contents = contents;
  audit.reading.verdict = std::make_shared<verdict::ArchiveVerdict>(store.Judged());
  const auto& judged = *audit.reading.verdict;
  audit.now.window_ends.resize(judged.windows.size());
  audit.now.commits_follow.resize(judged.windows.size());
  audit.branches = verdict::BranchesOf(*contents, judged);
  audit.costs = verdict::CostsOf(*contents, judged);
  audit.last_before.resize(audit.costs.size());
  audit.orphans = verdict::OrphansOf(*contents, judged, files);
  audit.faults = verdict::FaultsOf(*contents, store.terms, judged, verdict::kNow).broken;
  audit.soundness = audit.faults.empty() ? verdict::Soundness::kSound : verdict::Soundness::kBroken;
  return audit;
}

bool Has(const std::string& text, std::string_view wanted) { return text.find(wanted) != std::string::npos; }

TEST(AuditTextTest, ABrokenArchiveInFull) {
  auto files = BackupOf("files", 1, 0, 0);
  files.outcome = cluster::BackupOutcome::kNoMetadata;
  files.begin.reset();
  files.end.reset();
  files.begin_time.reset();
  files.end_time.reset();
  files.stored_bytes = 3 << 20;
  const auto store = Store()
                         .Has(1, 1, 5)
                         .Lacks(1, 3)
                         .Confirmed(1, 3)
                         .Has(2, 5, 8)
                         .Has(3, 6, 9)
                         .History(2, {{1, 5.5}})
                         .History(3, {{1, 5.5}, {2, 6.5}})
                         .With(BackupOf("one", 1, 1.2, 2.5, 100))
                         .With(BackupOf("two", 1, 4.2, 4.5, 200))
                         .With(files);
  EXPECT_EQ(AuditText(AuditOf(store, {{{1, 1}, false, 1 << 20}, {{2, 7}, false, 1 << 20}, {{2, 8}, false, 1 << 19}})),
            R"(Archive s3 of cluster orders: s3://backups/orders
Read 2027-02-26 00:00:00 UTC, from the store alone: no server was asked.

Timelines
  timeline 1, left at 0/580000
  |   000000010000000000000001 to 000000010000000000000002: 2 segments
  |   000000010000000000000004 to 000000010000000000000005: 2 segments
  +-- timeline 2, from 0/580000, left at 0/680000
      |   000000020000000000000005 to 000000020000000000000008: 4 segments
      +-- timeline 3, from 0/680000, the newest
              000000030000000000000006 to 000000030000000000000009: 4 segments

Backups
  one (barman, full, ended 2027-01-19 12:00:00 UTC): restorable
  two (barman, full, ended 2027-01-23 16:00:00 UTC): restorable
  files (barman, full, 3.0 MiB): orphan: files without metadata

Gaps in the WAL
  000000010000000000000003: 1 segment, since 2027-01-15 09:00:00 UTC
    cannot be rolled forward over it: backup one
    lost: the moments after 0/300000 up to 2027-01-23 16:00:00 UTC, the end of backup two

What nothing needs
  files (barman, full, 3.0 MiB): orphan: files without metadata
  WAL of timelines after they were left: 2 files, 1.5 MiB

What can be restored
  by barman: any moment from 2027-01-23 16:00:00 UTC to one that is not known, proven by backup two and unbroken WAL up to 0/A00000.
    to the start: restore backup two, then recovery_target = 'immediate'
    to the end: restore backup two, then no target: to the end of WAL

Verdict: broken: the newest backup, files, did not come to its end; 1 WAL segment missing in 1 gap
)");
}

TEST(AuditTextTest, OfAnEmptyArchiveEverythingIsSaidToBeNone) {
  EXPECT_EQ(AuditText(AuditOf(Store())), R"(Archive s3 of cluster orders: s3://backups/orders
Read 2027-02-26 00:00:00 UTC, from the store alone: no server was asked.

Timelines
  no WAL is stored

Backups
  none

Gaps in the WAL
  none

What nothing needs
  none

What can be restored
  nothing

Verdict: broken: it holds no backup
)");
}

TEST(AuditTextTest, AYoungHoleCostsNothingYet) {
  const auto text =
      AuditText(AuditOf(Store().Has(1, 1, 4).Has(1, 6, 9, verdict::kNow).With(BackupOf("b", 1, 1.2, 2.5))));
  EXPECT_TRUE(Has(text, "1 segment, pending"));
  EXPECT_TRUE(Has(text, "it is young and may still be filled"));
  EXPECT_TRUE(Has(text, "Verdict: sound\n"));
}

TEST(AuditTextTest, AnArchiveFullOfHolesDoesNotFillTheScreen) {
  Store store;
  for (unsigned number = 1; number < 100; number += 2) store.Has(1, number);
  const auto text = AuditText(AuditOf(store));
  EXPECT_TRUE(Has(text, "\n      and 38 more\n"));
}

TEST(AuditTextTest, WhatIsNotWholePartialOrInAnArchiveTierIsNamed) {
  Store store;
  store.Has(1, 1, 2).Archived(1, 3, 4);
  store.contents.wal.bad[{1, 5}] = {512, verdict::Hour(1), {}};
  store.contents.wal.bad[{1, 7}] = {512, verdict::Hour(1), "it is of another cluster"};
  store.contents.wal.partial[{1, 6}] = verdict::Hour(1);
  const auto text = AuditText(AuditOf(store));
  EXPECT_TRUE(Has(text, "000000010000000000000003 to 000000010000000000000004: 2 segments in an archive tier\n"));
  EXPECT_TRUE(Has(text, "000000010000000000000005: NOT WHOLE, 512 B\n"));
  EXPECT_TRUE(Has(text, "000000010000000000000007: DAMAGED, it is of another cluster\n"));
  EXPECT_TRUE(Has(text, "000000010000000000000006.partial\n"));
}

TEST(AuditTextTest, OneThatCannotBeReadSaysWhyAndNothingElse) {
  ArchiveAudit audit;
  audit.cluster = "orders";
  audit.reading.state.name = "s3";
  audit.faults = {"the bucket is not there\x1b[2J"};
  EXPECT_EQ(AuditText(audit),
            "Archive s3 of cluster orders\n"
            "\n"
            "Verdict: unreadable: the bucket is not there?[2J\n");
}

TEST(WorstOfTest, BrokenIsWorseThanUnreadable) {
  using verdict::Soundness;
  const auto worst = [](std::vector<Soundness> all) {
    std::vector<ArchiveAudit> audits(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) audits[i].soundness = all[i];
    return WorstOf(audits);
  };
  EXPECT_EQ(worst({Soundness::kSound, Soundness::kSound}), Soundness::kSound);
  EXPECT_EQ(worst({Soundness::kSound, Soundness::kUnreadable}), Soundness::kUnreadable);
  EXPECT_EQ(worst({Soundness::kUnreadable, Soundness::kBroken, Soundness::kSound}), Soundness::kBroken);
}

}  // namespace
}  // namespace pgvigil::cli
