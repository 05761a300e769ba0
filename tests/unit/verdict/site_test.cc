// What an archive is worth now: "RPO now" as far as the loss of the site goes, "Archive", and the window's end.
#include "verdict/site.h"

#include <gtest/gtest.h>

#include <limits>

#include "unit/verdict/archive_scene.h"
#include "unit/verdict/scene.h"

namespace pgvigil::verdict {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

std::uint64_t Bytes(double segments) { return Pos(segments).bytes; }

// One primary that writes a tenth of a segment and gives out an xid every second, from position 100 on.
class Site {
 public:
  Site() : scene({"p"}) {}

  // `archive` was listed at this second; the reading took none.
  Site& Lists(const Store& archive, double second, std::size_t index = 0) {
    auto& archives = scene.state.archives;
    archives.resize(std::max(archives.size(), index + 1));
    verdicts.resize(archives.size());
    auto contents = archive.contents;
    contents.began = At(second);
    archives[index].contents = std::make_shared<const cluster::ArchiveContents>(contents);
    archives[index].terms = archive.terms;
    archives[index].store.up = true;
    archives[index].store.last_success_steady = At(second);
    const auto& clock = scene.clock;
    const KnownPath known{clock.empty() ? 1 : clock.newest().timeline, {}};
    verdicts[index] = std::make_shared<const ArchiveVerdict>(archive.Judged(known));
    return *this;
  }
  Site& Writes(int from, int to, bool xids = true) {
    for (int second = from; second <= to; ++second) {
      scene.Sees("p", PrimaryAt(second, Bytes(100 + 0.1 * second), xids ? 100 + static_cast<unsigned>(second) : 100));
    }
    return *this;
  }
  SiteVerdict Judged(double second) {
    return JudgeSite(scene.state, *scene.verdict, scene.clock, verdicts, reports, At(second));
  }
  ArchiveNow First(double second) { return Judged(second).archives.at(0); }

  Scene scene;
  std::vector<std::shared_ptr<const ArchiveVerdict>> verdicts;
  std::vector<ArchiveReport> reports;
};

// Everything from 90 up to, not including, `end`, and a backup.
Store Archive(std::uint64_t end) { return Store().Has(1, 90, end - 1).With(BackupOf("a", 1, 91, 92)); }

TEST(SiteLossTest, IsWhatLiesBeyondTheProvenEnd) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102), 40);
  const auto loss = site.Judged(40).rpo_site;
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->bytes, static_cast<double>(Bytes(104) - Bytes(102)));
  EXPECT_EQ(loss->seconds, 19) << "since second 21, the first sample beyond it";
  EXPECT_EQ(site.Judged(40.5).rpo_site->seconds, 19.5);
  site.Lists(Archive(200), 40);
  EXPECT_EQ(site.Judged(40).rpo_site->bytes, 0) << "never below 0";
  EXPECT_EQ(site.Judged(40).rpo_site->seconds, 0);
}

TEST(SiteLossTest, IsUnboundedWithoutARestorableBackup) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102).Lacks(1, 91), 40);
  EXPECT_EQ(site.Judged(40).rpo_site->bytes, kUnbounded);
  EXPECT_EQ(site.Judged(40).rpo_site->seconds, kUnbounded);
}

TEST(SiteLossTest, IsAbsentWithoutAnArchiveOrWithOneThatCannotBeRead) {
  Site site;
  site.Writes(0, 40);
  EXPECT_FALSE(site.Judged(40).rpo_site);
  site.scene.state.archives.resize(1);
  EXPECT_FALSE(site.Judged(40).rpo_site) << "never read";
  site.Lists(Archive(102), 40);
  EXPECT_TRUE(site.Writes(41, 340).Judged(340).rpo_site);
  EXPECT_FALSE(site.Writes(341, 341).Judged(341).rpo_site) << "not for 5 minutes";
  EXPECT_FALSE(site.First(341).known);
  auto slow = Archive(102);
  slow.terms.listing_interval = std::chrono::minutes(2);
  site.Lists(slow, 40);
  EXPECT_TRUE(site.Judged(341).rpo_site) << "three listing intervals";
}

TEST(SiteLossTest, OfSeveralArchivesTheBestCounts) {
  Site site;
  site.Writes(0, 40).Lists(Archive(101), 40, 0).Lists(Archive(103), 40, 1).Lists(Archive(102), 40, 2);
  EXPECT_EQ(site.Judged(40).rpo_site->bytes, static_cast<double>(Bytes(1)));
  site.Lists(Archive(103).Lacks(1, 91), 40, 1);
  EXPECT_EQ(site.Judged(40).rpo_site->bytes, static_cast<double>(Bytes(2)));
}

TEST(SiteLossTest, OneThatCannotBeReadMayHoldWhatTheOthersLack) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102).Lacks(1, 91), 40, 0).Lists(Archive(102), 40, 1);
  site.scene.state.archives[1].store.last_success_steady = At(-1000);
  EXPECT_FALSE(site.Judged(40).rpo_site) << "not +Inf";
  site.Lists(Archive(101), 40, 0);
  EXPECT_EQ(site.Judged(40).rpo_site->bytes, static_cast<double>(Bytes(3))) << "what is proven stands";
}

TEST(SiteLossTest, AnIdlePrimaryHasNoSecondsThoughBytesStayAsTheyAre) {
  Site site;
  for (int second = 0; second <= 600; ++second) {
    site.scene.Sees("p", PrimaryAt(second, Bytes(102) + 100 + static_cast<unsigned>(second), 100));
  }
  site.Lists(Archive(102), 600);
  EXPECT_EQ(site.Judged(600).rpo_site->bytes, 700);
  EXPECT_EQ(site.Judged(600).rpo_site->seconds, 0);
}

TEST(SiteLossTest, MoreThan64KiBCountWithoutAnXid) {
  Site site;
  site.Writes(0, 40, false).Lists(Archive(102), 40);
  EXPECT_EQ(site.Judged(40).rpo_site->seconds, 19);
}

TEST(SiteLossTest, BehindTheOldestSampleTheLastArchivedCommitBoundsIt) {
  Site site;
  auto archive = Archive(99);
  site.Writes(0, 10).Lists(archive, 10);
  EXPECT_EQ(site.Judged(10).rpo_site->seconds, 10) << "since the oldest sample at least";
  archive.contents.last_commit = {{1, 98}, ServerTime(-90), Pos(98.5)};
  EXPECT_EQ(site.Lists(archive, 10).Judged(10).rpo_site->seconds, 100);
  archive.contents.last_commit->end = Pos(99.5);
  EXPECT_EQ(site.Lists(archive, 10).Judged(10).rpo_site->seconds, 10) << "not a commit beyond the end";
}

TEST(SiteLossTest, IsHeldForFiveMinutesWhileThePrimaryIsSilent) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102), 40);
  const auto before = *site.Judged(40).rpo_site;
  site.scene.Loses("p", 41);
  EXPECT_EQ(site.Judged(300).rpo_site->bytes, before.bytes);
  EXPECT_EQ(site.Judged(300).rpo_site->seconds, before.seconds) << "a dead server writes nothing";
  site.Lists(Archive(103), 300);
  EXPECT_EQ(site.Judged(340).rpo_site->bytes, static_cast<double>(Bytes(1))) << "what it had archived still arrives";
  EXPECT_EQ(site.Judged(340).rpo_site->seconds, 9);
  EXPECT_FALSE(site.Judged(340.5).rpo_site);
  EXPECT_FALSE(site.First(340.5).backlog_bytes);
  EXPECT_FALSE(site.First(340.5).conflicts);
  site.Lists(Archive(102).Lacks(1, 91), 340);
  EXPECT_EQ(site.Judged(400).rpo_site->bytes, kUnbounded) << "no position is needed to know that all is lost";
}

TEST(SiteLossTest, WhatTheOldTimelineArchivedBeyondTheSwitchIsNotTheClusters) {
  Scene promoted({"a", "b"});
  promoted.Sees("a", PrimaryAt(0, Bytes(104)));
  Site site;
  site.scene = promoted;
  site.Lists(Archive(104), 0);  // judged while timeline 1 was current
  site.scene.Loses("a", 1);
  auto server = PrimaryAt(10, Bytes(103.75), 101, 2);
  server.facts.replayed = Pos(103.5);
  site.scene.Sees("b", server);
  EXPECT_EQ(site.Judged(10).rpo_site->bytes, static_cast<double>(Bytes(0.25)));
  EXPECT_EQ(site.First(10).backlog_bytes, Bytes(0.25));
}

TEST(CompleteLossTest, LosingThePrimaryIsLosingTheSiteWhereNobodyCouldTakeOver) {
  Site site;
  site.Writes(0, 40);
  auto alone = *site.scene.verdict;
  CompleteLoss(site.scene.state, site.Judged(40), alone);
  EXPECT_EQ(alone.rpo_primary->bytes, kUnbounded) << "no archive is configured";
  site.Lists(Archive(102), 40);
  CompleteLoss(site.scene.state, site.Judged(40), alone);
  EXPECT_EQ(alone.rpo_primary->bytes, static_cast<double>(Bytes(2)));
  CompleteLoss(site.scene.state, site.Lists(Archive(103), 40).Judged(40), alone);
  EXPECT_EQ(alone.rpo_primary->bytes, static_cast<double>(Bytes(2))) << "a finite loss is a standby's";
  alone = *site.scene.verdict;
  site.scene.state.archives[0].store.last_success_steady.reset();
  CompleteLoss(site.scene.state, site.Judged(40), alone);
  EXPECT_FALSE(alone.rpo_primary) << "the archive cannot be read";
}

struct Reported {
  const char* description;
  std::vector<std::pair<std::uint64_t, double>> reports;  // segment, second
  double listed;
  std::optional<bool> effective;
};

TEST(EffectiveTest, IsDecidedByTheNewestReportThatAListingCanDecide) {
  for (const auto& [description, reports, listed, effective] : {
           Reported{"none", {}, 40, {}},
           Reported{"stored, listed after it", {{101, 39}}, 40, true},
           Reported{"stored, the listing began before: undecided", {{101, 40}}, 40, {}},
           Reported{"missing, listed too soon", {{102, 39}}, 40, {}},
           Reported{"missing a minute later", {{102, 39}}, 99, false},
           Reported{"missing just under a minute later", {{102, 39}}, 98.9, {}},
           Reported{"the newest is undecided: the one before it decides", {{101, 39}, {102, 90}}, 99, true},
           Reported{"the same, missing", {{102, 39}, {103, 90}}, 99, false},
           Reported{"the newest decides", {{102, 30}, {101, 39}}, 99, true},
       }) {
    Site site;
    site.Writes(0, 40).Lists(Archive(102), listed);
    for (const auto& [number, second] : reports) site.reports.push_back({{1, number}, At(second)});
    EXPECT_EQ(site.First(100).effective, effective) << description;
  }
}

TEST(EffectiveTest, CountsASegmentUnderTheRightTimelineOnlyAndInAnyTier) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102).Archived(1, 101, 101), 99);
  site.reports = {{{1, 101}, At(39)}};
  EXPECT_EQ(site.First(100).effective, true);
  site.reports = {{{2, 100}, At(39)}};
  EXPECT_EQ(site.First(100).effective, false);
}

TEST(BacklogTest, IsWhatLiesBeyondTheRunThatHoldsTheProvenEnd) {
  Site site;
  site.Writes(0, 45).Lists(Archive(102), 45);
  EXPECT_EQ(site.First(45).backlog_bytes, Bytes(104.5) - Bytes(102));
  EXPECT_EQ(site.First(45).backlog_segments, 2U) << "102 and 103 are whole, 104 is being written";
  site.Lists(Archive(104), 45);
  EXPECT_EQ(site.First(45).backlog_segments, 0U);
  site.Lists(Archive(106), 45);
  EXPECT_EQ(site.First(45).backlog_bytes, 0U);
  EXPECT_EQ(site.First(45).backlog_segments, 0U);
  site.Lists(Store().Has(1, 90, 101), 45);
  EXPECT_EQ(site.First(45).backlog_segments, 2U) << "without a backup too";
  site.Lists(Store(), 45);
  EXPECT_FALSE(site.First(45).backlog_bytes) << "nothing is stored";
}

TEST(ConflictTest, TellsOfSomebodyElseWhoWritesToTheSamePlace) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102), 39);
  EXPECT_EQ(
      site.First(40).conflicts->strangers + site.First(40).conflicts->timeline + site.First(40).conflicts->position,
      0U);
  site.Lists(Archive(105), 39);
  EXPECT_EQ(site.First(40).conflicts->position, 0U) << "104 may have been finished since";
  site.Lists(Archive(105).Has(1, 107, 108), 39);
  EXPECT_EQ(site.First(40).conflicts->position, 2U);
  site.Lists(Archive(105).Has(1, 107, 108), 40.5);
  EXPECT_EQ(site.First(41).conflicts->position, 0U) << "listed after the primary was read";
  site.Lists(Archive(102).Has(2, 90, 92).Has(3, 1), 39);
  EXPECT_EQ(site.First(40).conflicts->timeline, 4U);
}

TEST(ConflictTest, AStrangerIsToldByItsIdentifier) {
  Site site;
  auto server = PrimaryAt(0, Bytes(104));
  server.facts.system_identifier = "7000";
  site.scene.Sees("p", server);
  auto archive = Archive(102);
  archive.contents.system_identifiers = {"7000"};
  EXPECT_EQ(site.Lists(archive, 0).First(0).conflicts->strangers, 0U);
  archive.contents.system_identifiers = {"7000", "7001"};
  EXPECT_EQ(site.Lists(archive, 0).First(0).conflicts->strangers, 1U);
}

TEST(WindowEndTest, IsTheLastSampleInWhichThePrimaryHadNotPassedTheProvenEnd) {
  Site site;
  site.Writes(0, 40).Lists(Archive(102), 40);
  EXPECT_EQ(site.First(40).window_ends.at(0), ServerTime(20));
  // A commit between two samples may lie beyond the end: their straight line proves nothing.
  Site coarse;
  coarse.scene.Sees("p", PrimaryAt(0, Bytes(101), 100)).Sees("p", PrimaryAt(60, Bytes(104), 200));
  EXPECT_EQ(coarse.Lists(Archive(102), 60).First(60).window_ends.at(0), ServerTime(0));
}

TEST(WindowEndTest, IsTheNewestSampleWhileNoTransactionWasBegunSince) {
  Site site;
  for (int second = 0; second <= 600; ++second) {
    site.scene.Sees("p", PrimaryAt(second, Bytes(102) + 100 + static_cast<unsigned>(second) / 10, 100));
  }
  EXPECT_EQ(site.Lists(Archive(102), 600).First(600).window_ends.at(0), std::nullopt) << "it had been passed before";
  Site known;
  known.scene.Sees("p", PrimaryAt(0, Bytes(102), 100));
  for (int second = 1; second <= 600; ++second) {
    known.scene.Sees("p", PrimaryAt(second, Bytes(102) + 100, 100));
  }
  EXPECT_EQ(known.Lists(Archive(102), 600).First(601).window_ends.at(0), ServerTime(600));
  known.scene.Loses("p", 601);
  EXPECT_EQ(known.Lists(Archive(102), 2000).First(2000).window_ends.at(0), ServerTime(600))
      << "what a silent primary did since is not known";
}

TEST(WindowEndTest, IsTheLastCommitInTheArchiveWithoutSqlHistory) {
  Site site;
  site.scene.Loses("p", 0);
  auto archive = Archive(102);
  EXPECT_FALSE(site.Lists(archive, 0).First(0).window_ends.at(0));
  archive.contents.last_commit = {{1, 101}, ServerTime(-90), Pos(101.5)};
  EXPECT_EQ(site.Lists(archive, 0).First(0).window_ends.at(0), ServerTime(-90));
  archive.contents.last_commit->end = Pos(102.5);
  EXPECT_FALSE(Site(site).Lists(archive, 0).First(0).window_ends.at(0)) << "not one beyond the proven end";
  EXPECT_FALSE(site.First(0).loss) << "a position of the primary is needed for that";
  site.Writes(1, 10);
  EXPECT_EQ(site.First(10).window_ends.at(0), ServerTime(10)) << "the clock has it";
}

TEST(SiteTest, TellsWhenThePrimarySaysThatItArchived) {
  Site site;
  auto server = PrimaryAt(0, Bytes(104));
  server.facts.archiver.last_archived = ServerTime(-5);
  site.scene.Sees("p", server);
  EXPECT_EQ(site.Judged(0).server_archived, ServerTime(-5));
}

// What a time target at a window's start needs to end at.
bool Follows(Site& site, double second) { return site.First(second).commits_follow.at(0); }

TEST(SiteWindowTest, ACommitBehindItsStartIsOneThatEndedAndWasFlushedWithinTheArchive) {
  auto archive = Store().Has(1, 90, 101);
  auto backup = BackupOf("a", 1, 91, 92);
  backup.end_time = ServerTime(5) + std::chrono::microseconds(1);
  archive.With(backup);
  Site site;
  site.Writes(0, 40).Lists(archive, 40);
  EXPECT_TRUE(Follows(site, 40));
  Site idle;
  idle.Writes(0, 40, false).Lists(archive, 40);
  EXPECT_FALSE(Follows(idle, 40)) << "no transaction ended";
  Site beyond;
  beyond.Writes(0, 20, false).Writes(21, 40).Lists(archive, 40);
  EXPECT_FALSE(Follows(beyond, 40)) << "what ended since is not archived";
  Site last;
  last.Writes(0, 19, false).Writes(20, 40).Lists(archive, 40);
  EXPECT_FALSE(Follows(last, 40)) << "ended, and perhaps flushed only behind the end";
}

TEST(SiteWindowTest, OrTheLastCommitInTheWalItself) {
  auto archive = Archive(95);
  archive.contents.catalogue.backups[0].end_time = ServerTime(5);
  archive.contents.last_commit = {{1, 94}, ServerTime(6.5), Pos(94.5)};
  Site site;
  site.Writes(0, 5).Lists(archive, 5);
  EXPECT_TRUE(Follows(site, 5));
  archive.contents.last_commit->at = ServerTime(5.5);
  EXPECT_FALSE(Follows(site.Lists(archive, 5), 5)) << "whole seconds: the target is the next one";
}

}  // namespace
}  // namespace pgvigil::verdict
