#include "failover/journal_line.h"

#include <gtest/gtest.h>

namespace pgvigil::failover {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using std::chrono::microseconds;

base::WallTime Wall(std::int64_t microsecond) { return base::WallTime(microseconds(microsecond)); }

FailoverEvent Failover() {
  return {FailoverKind::kFailover,
          "promotion/7/prod/orders/2/0/5DC",
          "one",
          "two",
          2,
          wal::Lsn{1500},
          Wall(1'767'225'600'123'456),
          Wall(1'767'225'609'000'001),
          microseconds(8'876'545),
          500,
          microseconds(400'000)};
}

PrimarySeen Seen() {
  PrimarySeen seen;
  seen.instance = "one";
  seen.system_identifier = "7000000000000000001";
  seen.timeline = 3;
  seen.flushed = wal::Lsn{0x1'0000'0148};
  seen.postmaster_start = Wall(1'767'000'000'000'001);
  seen.seen = Wall(1'767'225'600'123'456);
  seen.missed = Wall(1'767'225'601'000'000);
  seen.shut_down = true;
  return seen;
}

base::Result<JournalLine> Again(const JournalLine& line) { return ParseJournalLine(Format(line)); }

TEST(JournalLineTest, WhatIsReadIsWhatWasWritten) {
  FailoverEvent bare;
  bare.kind = FailoverKind::kUnknown;
  bare.identity = "promotion/7//orders/9/";
  bare.timeline = 9;
  Former former;
  for (std::size_t i = 0; i < former.counts.size(); ++i) former.counts[i] = 3 + i;
  for (const JournalLine& line : {JournalLine{{"prod", "orders"}, Failover()}, JournalLine{{"", "orders"}, bare},
                                  JournalLine{{"prod", "ord\"ers\n"}, Seen()}, JournalLine{{"", "orders"}, former}}) {
    const auto again = Again(line);
    ASSERT_TRUE(again.ok()) << Format(line) << ": " << again.error().message;
    EXPECT_EQ(*again, line) << Format(line);
    EXPECT_EQ(Format(line).find('\n'), std::string::npos);
  }
}

TEST(JournalLineTest, EveryKindHasItsName) {
  for (const auto kind : cluster::kFailoverKinds) {
    auto event = Failover();
    event.kind = kind;
    EXPECT_EQ(std::get<FailoverEvent>(Again({{"", "orders"}, event})->says).kind, kind);
  }
}

TEST(JournalLineTest, APrimaryThatIsReadWasSeenByAnotherProcess) {
  auto seen = Seen();
  seen.steady = base::SteadyTime(std::chrono::hours(5));
  EXPECT_FALSE(std::get<PrimarySeen>(Again({{"", "orders"}, seen})->says).steady);
}

TEST(JournalLineTest, TheFormatIsTheOneThatIsDocumented) {
  EXPECT_EQ(
      Format({{"prod", "orders"}, Failover()}),
      R"({"namespace":"prod","cluster":"orders","event":{"from":"one","identity":"promotion/7/prod/orders/2/0/5DC",)"
      R"("kind":"failover","last_good_us":1767225600123456,"lost_bytes":500,"outage_us":8876545,)"
      R"("sample_age_us":400000,"serving_us":1767225609000001,"switch_lsn":"0/5DC","timeline":2,"to":"two"}})");
}

TEST(JournalLineTest, WhatALaterVersionAddsIsPassedOver) {
  EXPECT_TRUE(ParseJournalLine(R"({"cluster":"c","colour":"red","event":{"kind":"crash","identity":"i","timeline":1,
                                   "from":"a","to":"a","phases":{"detection":1}}})")
                  .ok());
}

TEST(JournalLineTest, WhatCannotBeReadSaysWhy) {
  struct Case {
    const char* text;
    const char* says;
  };
  for (const auto& [text, says] : {
           Case{"", "expected a JSON object"},
           Case{"[1]", "expected a JSON object"},
           Case{R"({"cluster":"c","event":{"ki)", "expected a JSON object"},
           Case{R"({"event":{}})", "expected the name of a \"cluster\""},
           Case{R"({"cluster":"c"})", "expected an \"event\", a \"primary\" or \"former\" counts"},
           Case{R"({"cluster":"c","event":{"kind":"earthquake","identity":"i","timeline":1}})", "known \"kind\""},
           Case{R"({"cluster":"c","event":{"kind":"crash","timeline":1}})", "\"identity\""},
           Case{R"({"cluster":"c","event":{"kind":"crash","identity":"i","timeline":0}})", "\"timeline\""},
           Case{R"({"cluster":"c","event":{"kind":"crash","identity":"i","timeline":4294967296}})", "\"timeline\""},
           Case{R"({"cluster":"c","primary":{"instance":"one"}})", "expected the primary's instance"},
           Case{R"({"cluster":"c","former":7})", "expected the numbers"},
       }) {
    const auto line = ParseJournalLine(text);
    ASSERT_FALSE(line.ok()) << text;
    EXPECT_NE(line.error().message.find(says), std::string::npos) << text << ": " << line.error().message;
  }
}

TEST(JournalLineTest, NumbersThatNoTimeHoldsAreUnknown) {
  const auto line = ParseJournalLine(
      R"({"cluster":"c","event":{"kind":"crash","identity":"i","timeline":1,"serving_us":18446744073709551615,
          "lost_bytes":-1}})");
  ASSERT_TRUE(line.ok());
  EXPECT_FALSE(std::get<FailoverEvent>(line->says).serving);
  EXPECT_FALSE(std::get<FailoverEvent>(line->says).lost_bytes);
}

}  // namespace
}  // namespace pgvigil::failover
