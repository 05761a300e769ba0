#include "wal/timeline.h"

#include <gtest/gtest.h>

#include <random>

namespace pgvigil::wal {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

SegmentSize Size(std::uint64_t mib) { return *SegmentSize::FromBytes(mib * kMiB); }

Path PathOf(std::string_view text, std::uint32_t timeline) { return Path(*ParseHistory(text, timeline)); }

TEST(HistoryTest, IsReadAsPostgresWritesIt) {
  const auto history = ParseHistory(
      "1\t0/A000198\tno recovery target specified\n"
      "\n"
      "2\t0/B0000F0\tbefore 2026-01-01 00:00:00+00\n",
      3);
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(history->timeline, 3U);
  EXPECT_EQ(history->switches, (std::vector<Switch>{{1, {0xA000198}, "no recovery target specified"},
                                                    {2, {0xB0000F0}, "before 2026-01-01 00:00:00+00"}}));
}

TEST(HistoryTest, CommentsBlankLinesAndOtherBlanksAreWhatPostgresTakesThemFor) {
  for (const char* text : {"1\t0/1\tr", "1\t0/1\tr\r\n", "# 9\t0/9\tno\n1\t0/1\tr\n#", "  \n\t\n \t1\t0/1\tr\n",
                           "1 0/1 r\n", "1\t \t0/1\t\tr  \n"}) {
    const auto history = ParseHistory(text, 2);
    ASSERT_TRUE(history.ok()) << text;
    EXPECT_EQ(history->switches, (std::vector<Switch>{{1, {1}, "r"}})) << text;
  }
  EXPECT_EQ(ParseHistory("1\t0/1\n", 2)->switches.front().reason, "");
}

TEST(HistoryTest, TimelinesMayBeLeftOutAndSwitchesMayBeAtOnePlace) {
  const auto history = ParseHistory("1\t0/5\ta\n4\t0/5\tb\n9\t0/6\tc\n", 4000000000);
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(history->switches.size(), 3U);
}

TEST(HistoryTest, AnErrorNamesTheFileAndTheLine) {
  struct Case {
    const char* text;
    std::uint32_t timeline;
    const char* subject;
    const char* message;
  };
  const char* form = "expected a parent timeline, the LSN at which it was left, and a reason";
  for (const auto& [text, timeline, subject, message] : {
           Case{"", 2, "00000002.history", "expected a line for each ancestor, found none"},
           Case{"# nothing\n\n", 10, "0000000A.history", "expected a line for each ancestor, found none"},
           Case{"", 1, "00000001.history", "expected a line for each ancestor, found none"},
           Case{"rubbish\n", 2, "00000002.history:1", form},
           Case{"1\n", 2, "00000002.history:1", form},
           Case{"1\t0:1\tr\n", 2, "00000002.history:1", form},
           Case{"-1\t0/1\tr\n", 2, "00000002.history:1", form},
           Case{"4294967297\t0/1\tr\n", 2, "00000002.history:1", form},
           Case{"#\n\n1\t0/1\tr\nx\t0/2\tr\n", 3, "00000003.history:4", form},
           Case{"0\t0/1\tr\n", 2, "00000002.history:1", "expected a parent from 1 to below timeline 2, found 0"},
           Case{"2\t0/1\tr\n", 2, "00000002.history:1", "expected a parent from 1 to below timeline 2, found 2"},
           Case{"1\t0/1\tr\n3\t0/2\tr\n", 3, "00000003.history:2",
                "expected a parent from 1 to below timeline 3, found 3"},
           Case{"1\t0/1\tr\n", 1, "00000001.history:1", "expected a parent from 1 to below timeline 1, found 1"},
           Case{"1\t0/1\tr\n1\t0/2\tr\n", 3, "00000003.history:2", "expected a parent above 1, found 1"},
           Case{"2\t0/1\tr\n1\t0/2\tr\n", 3, "00000003.history:2", "expected a parent above 2, found 1"},
           Case{"1\t1/0\tr\n2\t0/FFFFFFFF\tr\n", 3, "00000003.history:2",
                "expected an LSN from 1/0 on, found 0/FFFFFFFF"},
       }) {
    const auto history = ParseHistory(text, timeline);
    ASSERT_FALSE(history.ok()) << text;
    EXPECT_EQ(history.error().kind, base::ErrorKind::kMalformed);
    EXPECT_EQ(history.error().subject, subject) << text;
    EXPECT_EQ(history.error().message, message) << text;
  }
}

TEST(PathTest, TimelineOneHasOneLegWithoutEnd) {
  const Path path;
  EXPECT_EQ(path.legs(), (std::vector<Leg>{{1, {0}, std::nullopt}}));
  EXPECT_EQ(path.timeline(), 1U);
  EXPECT_EQ(path.At({~std::uint64_t{0}}).timeline, 1U);
  EXPECT_EQ(path.SegmentOf(12345, Size(16)), (Segment{1, 12345}));
  EXPECT_EQ(path.On(2), nullptr);
}

TEST(PathTest, LegsMeetAtTheSwitches) {
  const auto path = PathOf("1\t0/2800000\tr\n3\t0/5000000\tr\n", 7);
  EXPECT_EQ(
      path.legs(),
      (std::vector<Leg>{{1, {0}, Lsn{0x2800000}}, {3, {0x2800000}, Lsn{0x5000000}}, {7, {0x5000000}, std::nullopt}}));
  EXPECT_EQ(path.timeline(), 7U);
  ASSERT_NE(path.On(3), nullptr);
  EXPECT_EQ(path.On(3)->begin, Lsn{0x2800000});
  for (const std::uint32_t beside : {0U, 2U, 4U, 8U}) EXPECT_EQ(path.On(beside), nullptr) << beside;
}

TEST(PathTest, AByteIsOnTheLegThatBeganLastBeforeIt) {
  const auto path = PathOf("1\t0/2800000\tr\n2\t0/2800000\tr\n3\t0/5000000\tr\n", 4);
  struct Case {
    std::uint64_t byte;
    std::uint32_t timeline;
  };
  for (const auto& [byte, timeline] : {Case{0, 1}, Case{0x27FFFFF, 1}, Case{0x2800000, 3}, Case{0x4FFFFFF, 3},
                                       Case{0x5000000, 4}, Case{~std::uint64_t{0}, 4}}) {
    EXPECT_EQ(path.At({byte}).timeline, timeline) << byte;
  }
}

TEST(PathTest, ASegmentIsReadFromTheLastTimelineThatBeganInOrBeforeIt) {
  struct Case {
    const char* what;
    const char* history;
    std::uint32_t timeline;
    std::uint64_t mib;
    std::vector<std::uint32_t> timelines;  // of segments 0, 1, 2, …
  };
  for (const auto& [what, history, timeline, mib, timelines] : {
           Case{"inside a segment", "1\t0/2800000\tr\n", 2, 16, {1, 1, 2, 2}},
           Case{"at a segment's first byte", "1\t0/2000000\tr\n", 2, 16, {1, 1, 2, 2}},
           Case{"at a segment's last byte", "1\t0/1FFFFFF\tr\n", 2, 16, {1, 2, 2, 2}},
           Case{"twice in one segment", "1\t0/2100000\tr\n2\t0/2F00000\tr\n", 3, 16, {1, 1, 3, 3}},
           Case{"twice at one place", "1\t0/2000000\tr\n2\t0/2000000\tr\n", 3, 16, {1, 1, 3, 3}},
           Case{"in neighbouring segments", "1\t0/1800000\tr\n2\t0/2800000\tr\n", 3, 16, {1, 2, 3, 3}},
           Case{"with segments left between", "1\t0/1000028\tr\n5\t0/4000028\tr\n", 9, 16, {1, 5, 5, 5, 9}},
           Case{"in the first segment", "1\t0/28\tr\n", 2, 16, {2, 2}},
           Case{"with small segments", "1\t0/180000\tr\n", 2, 1, {1, 2, 2}},
           Case{"with large segments", "1\t0/7FFFFFFF\tr\n", 2, 1024, {1, 2, 2}},
       }) {
    const auto path = PathOf(history, timeline);
    for (std::size_t number = 0; number < timelines.size(); ++number) {
      EXPECT_EQ(path.SegmentOf(number, Size(mib)), (Segment{timelines[number], number})) << what << ", " << number;
    }
  }
}

TEST(PathTest, TheLastSegmentOfAllIsOnIt) {
  const auto path = PathOf("1\tFFFFFFFF/FFFFFFFF\tr\n", 2);
  const auto last = SegmentAt(1, {~std::uint64_t{0}}, Size(16)).number;
  EXPECT_EQ(path.SegmentOf(last, Size(16)).timeline, 2U);
  EXPECT_EQ(path.SegmentOf(last - 1, Size(16)).timeline, 1U);
  EXPECT_EQ(path.At({~std::uint64_t{0}}).timeline, 2U);
}

// access/timeline.c and xlogrecovery.c look from the newest leg back.
TEST(PathTest, AgreesWithALookFromTheNewestLegBackOnAHundredThousandHistories) {
  std::mt19937 random(20260102);
  const auto size = Size(1);
  for (int round = 0; round < 100'000; ++round) {
    History history;
    std::uint64_t at = 0;
    for (auto left = random() % 6; left > 0; --left) {
      at += random() % 3 * (kMiB / 2) + random() % 2;
      history.switches.push_back({history.timeline, {at}, ""});
      history.timeline += 1 + static_cast<std::uint32_t>(random() % 2);
    }
    const Path path(history);
    const std::uint64_t byte = random() % 2 == 0 ? at : random() % (6 * kMiB);
    auto leg = path.legs().rbegin();
    while (leg->begin.bytes > byte) ++leg;
    ASSERT_EQ(path.At({byte}), *leg);
    leg = path.legs().rbegin();
    while (SegmentAt(1, leg->begin, size).number > byte / kMiB) ++leg;
    ASSERT_EQ(path.SegmentOf(byte / kMiB, size), (Segment{leg->timeline, byte / kMiB}));
  }
}

}  // namespace
}  // namespace pgvigil::wal
