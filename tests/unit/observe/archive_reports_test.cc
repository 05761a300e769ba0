#include "observe/archive_reports.h"

#include <gtest/gtest.h>

#include "unit/verdict/scene.h"

namespace pgvigil::observe {
namespace {

using verdict::At;

// A cluster whose servers report what their archivers did last; segments of 1 MiB.
class Reporting {
 public:
  Reporting() : scene_({"a", "b"}) {}

  // Primary at this second, the newest archived file, and how many were.
  Reporting& Sees(double second, const std::string& archived, std::uint64_t count, const std::string& name = "a",
                  std::uint32_t timeline = 1, std::uint64_t segment_size = 1 << 20) {
    auto server = verdict::PrimaryAt(second, 1 << 20, 100, timeline);
    server.facts.archiver.last_archived_wal = archived;
    server.facts.archiver.archived = count;
    server.settings.wal_segment_size = segment_size;
    scene_.Sees(name, server);
    reports_.Take(scene_.state, *scene_.verdict);
    return *this;
  }
  Reporting& Loses(double second, const std::string& name = "a") {
    scene_.Loses(name, second);
    reports_.Take(scene_.state, *scene_.verdict);
    return *this;
  }
  // Without what is read every 60 s.
  Reporting& SeesWithoutSettings(double second, const std::string& archived) {
    Sees(second, "", 1);
    auto& instance = scene_.Instance("a");
    auto facts = *instance.facts;
    facts.archiver.last_archived_wal = archived;
    instance.facts = std::make_shared<const cluster::InstanceFacts>(facts);
    instance.settings.reset();
    reports_.Take(scene_.state, *scene_.verdict);
    return *this;
  }

  // "1/5@3": segment 5 of timeline 1, first seen in second 3.
  std::string Reports() const {
    std::string text;
    for (const auto& report : reports_.reports()) {
      text += (text.empty() ? "" : " ") + std::to_string(report.segment.timeline) + "/" +
              std::to_string(report.segment.number) + "@" +
              std::to_string(std::chrono::round<std::chrono::seconds>(report.seen - At(0)).count());
    }
    return text;
  }
  std::size_t size() const { return reports_.reports().size(); }

 private:
  verdict::Scene scene_;
  ArchiveReports reports_;
};

constexpr const char* kFive = "000000010000000000000005";
constexpr const char* kSix = "000000010000000000000006";

TEST(ArchiveReportsTest, ASegmentCountsFromTheMomentItIsFirstSeenReported) {
  Reporting reporting;
  reporting.Sees(3, kFive, 10).Sees(4, kFive, 10).Sees(5, kSix, 11).Sees(6, kSix, 11);
  EXPECT_EQ(reporting.Reports(), "1/5@3 1/6@5");
}

TEST(ArchiveReportsTest, HistoriesBackupsAndPartialsProveNothing) {
  Reporting reporting;
  reporting.Sees(1, "00000002.history", 1)
      .Sees(2, "000000010000000000000005.00000028.backup", 2)
      .Sees(3, "000000010000000000000005.partial", 3)
      .Sees(4, "", 3)
      .Sees(5, kFive, 4);
  EXPECT_EQ(reporting.Reports(), "1/5@5");
}

TEST(ArchiveReportsTest, AResetOfStatisticsForgets) {
  Reporting reporting;
  reporting.Sees(1, kFive, 10).Sees(2, "", 0);
  EXPECT_EQ(reporting.Reports(), "");
  reporting.Sees(3, kFive, 1);
  EXPECT_EQ(reporting.Reports(), "1/5@3") << "reported anew";
}

TEST(ArchiveReportsTest, APromotionForgets) {
  Reporting reporting;
  reporting.Sees(1, kFive, 10).Loses(2);
  EXPECT_EQ(reporting.Reports(), "1/5@1") << "nobody else is primary yet";
  reporting.Sees(3, "", 10, "b", 2);
  EXPECT_EQ(reporting.Reports(), "");
  reporting.Sees(4, "000000020000000000000006", 11, "b", 2);
  EXPECT_EQ(reporting.Reports(), "2/6@4");
}

TEST(ArchiveReportsTest, TheSameServerOnANewTimelineForgets) {
  Reporting reporting;
  reporting.Sees(1, kFive, 10).Sees(2, kFive, 11, "a", 2);
  EXPECT_EQ(reporting.Reports(), "1/5@2") << "what it still reports then is a report of then";
}

TEST(ArchiveReportsTest, SegmentsAreCountedBySizeOnceItIsKnown) {
  Reporting reporting;
  reporting.SeesWithoutSettings(1, "00000001000000010000000A");
  EXPECT_EQ(reporting.Reports(), "");
  reporting.Sees(2, "00000001000000010000000A", 1, "a", 1, 16 << 20);
  EXPECT_EQ(reporting.Reports(), "1/266@2");
}

TEST(ArchiveReportsTest, OfABusyPrimaryTheNewestAreKept) {
  Reporting reporting;
  for (int i = 1; i <= 1025; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "0000000100000000%08X", static_cast<unsigned>(i));
    reporting.Sees(i, name, static_cast<std::uint64_t>(i));
    EXPECT_LE(reporting.size(), 1024U);
  }
  EXPECT_EQ(reporting.size(), 513U);
  EXPECT_TRUE(reporting.Reports().starts_with("1/513@513 "));
  EXPECT_TRUE(reporting.Reports().ends_with(" 1/1025@1025"));
}

}  // namespace
}  // namespace pgvigil::observe
