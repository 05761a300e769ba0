#include "wal/commits.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "wal_writer.h"

namespace pgvigil::wal {
namespace {

constexpr std::uint64_t kSegment = 1 << 20;
constexpr std::uint64_t kPage = 8192;
constexpr std::uint64_t kStart = 7 * kSegment;
constexpr std::int64_t kEpoch = 946'684'800'000'000;  // 2000 in microseconds since 1970
constexpr std::uint16_t kMagics[] = {0xD106, 0xD10D, 0xD110, 0xD113, 0xD116, 0xD118};
constexpr std::uint16_t kMagic = 0xD118;

using Found = std::optional<LastCommit>;

std::int64_t Microseconds(base::WallTime time) { return time.time_since_epoch().count(); }

Found Find(std::string_view segment) {
  const auto found = FindLastCommit(segment);
  EXPECT_TRUE(found.ok()) << (found.ok() ? "" : found.error().message + " at " + found.error().subject);
  return found.ok() ? *found : std::nullopt;
}

void ExpectCommit(const Found& found, const WalWriter::Written& written, std::int64_t time,
                  const std::string& what = "") {
  ASSERT_TRUE(found) << what;
  EXPECT_EQ(Microseconds(found->at), time + kEpoch) << what;
  EXPECT_EQ(Format(found->record), Format({written.begin})) << what;
  EXPECT_EQ(Format(found->end), Format({written.end})) << what;
}

void ExpectMalformed(std::string_view segment, std::string_view message, std::uint64_t at) {
  const auto found = FindLastCommit(segment);
  ASSERT_FALSE(found.ok()) << message;
  EXPECT_EQ(found.error().kind, base::ErrorKind::kMalformed);
  EXPECT_EQ(found.error().message, message);
  EXPECT_EQ(found.error().subject, Format({at}));
}

// What real servers wrote, and what they say of it (fixtures/make.py).
struct Fixture {
  std::string name;
  int major = 0;
  std::uint64_t system_identifier = 0;
  std::string start;
  std::string end;
  std::int64_t time = 0;
  std::string bytes;
};

std::vector<Fixture> Fixtures() {
  const std::string directory = std::string(PGVIGIL_SOURCE_DIR) + "/tests/unit/wal/fixtures/";
  std::vector<Fixture> fixtures;
  std::ifstream table(directory + "expected.tsv");
  for (Fixture one; table >> one.name >> one.major >> one.system_identifier >> one.start >> one.end >> one.time;) {
    std::ifstream file(directory + one.name, std::ios::binary);
    one.bytes.assign(std::istreambuf_iterator<char>(file), {});
    fixtures.push_back(one);
  }
  return fixtures;
}

TEST(RealWalTest, TheLastCommitOrAbortIsWhatItsServerSays) {
  const auto fixtures = Fixtures();
  ASSERT_EQ(fixtures.size(), 18U);
  for (const auto& one : fixtures) {
    const auto found = Find(one.bytes);
    ASSERT_TRUE(found) << one.name;
    EXPECT_EQ(Microseconds(found->at), one.time) << one.name;
    EXPECT_EQ(Format(found->end), one.end) << one.name;
    EXPECT_LT(found->record, found->end) << one.name;
  }
}

TEST(RealWalTest, TheFirstPageNamesReleaseServerAndPlace) {
  for (const auto& one : Fixtures()) {
    const auto header = ReadSegmentHeader(one.bytes);
    ASSERT_TRUE(header.ok()) << one.name;
    EXPECT_EQ(header->Major(), one.major) << one.name;
    EXPECT_EQ(header->system_identifier, one.system_identifier) << one.name;
    EXPECT_EQ(Format(header->start), one.start) << one.name;
    EXPECT_EQ(header->timeline, 1U) << one.name;
    EXPECT_EQ(header->segment_size, kSegment) << one.name;
    EXPECT_EQ(header->page_size, kPage) << one.name;
  }
}

TEST(RealWalTest, ThePiecesHoldWhatTheyAreHereFor) {
  for (const auto& one : Fixtures()) {
    const bool begins_within_a_record = (static_cast<unsigned char>(one.bytes[2]) & 0x01) != 0;
    EXPECT_EQ(begins_within_a_record, one.name.ends_with("-continued")) << one.name;
    EXPECT_GT(one.bytes.size(), one.name.ends_with("-aborted") ? 0 : kPage) << one.name;
  }
}

TEST(RealWalTest, ADamagedBitNeverMakesALaterCommit) {
  for (const auto& one : Fixtures()) {
    const auto whole = Find(one.bytes);
    ASSERT_TRUE(whole);
    for (std::size_t place = 3; place < one.bytes.size(); place += 41) {
      auto bytes = one.bytes;
      bytes[place] = static_cast<char>(bytes[place] ^ 0x10);
      const auto found = FindLastCommit(bytes);
      if (!found.ok() || !*found) continue;
      const auto header = ReadSegmentHeader(bytes);
      ASSERT_LE((*found)->record.bytes - header->start.bytes,
                whole->record.bytes - kSegment * (whole->record.bytes / kSegment))
          << one.name << " " << place;
      ASSERT_LE((*found)->at, whole->at) << one.name << " " << place;
    }
  }
}

TEST(RealWalTest, ACutFileHoldsTheCommitsThatAreWholeInIt) {
  for (const auto& one : Fixtures()) {
    const auto whole = Find(one.bytes);
    ASSERT_TRUE(whole);
    std::uint64_t reached = 0;
    for (std::size_t length = 40; length < one.bytes.size(); length += 31) {
      const auto found = Find(one.bytes.substr(0, length));
      const auto end = found ? found->end.bytes % kSegment : 0;
      ASSERT_GE(end, reached) << one.name << " " << length;
      ASSERT_LE(end, length + 8) << one.name;
      reached = end;
    }
    for (std::size_t length = 0; length < 40; ++length) EXPECT_FALSE(FindLastCommit(one.bytes.substr(0, length)).ok());
  }
}

TEST(SegmentHeaderTest, EveryFieldIsLookedAt) {
  WalWriter wal(kMagic, kStart);
  wal.Fill(10);
  ASSERT_TRUE(ReadSegmentHeader(wal.bytes()).ok());
  struct Case {
    const char* what;
    std::size_t at;
    std::string bytes;
  };
  for (const auto& [what, at, bytes] : {
           Case{"another magic", 0, Bytes(std::uint16_t{0xC118})},
           Case{"big-endian", 0, Bytes(std::uint16_t{0x18D1})},
           Case{"a short header", 2, Bytes(std::uint16_t{0})},
           Case{"timeline 0", 4, Bytes(std::uint32_t{0})},
           Case{"no segment's start", 8, Bytes(kStart + kPage)},
           Case{"a segment size of none", 32, Bytes(std::uint32_t{3 << 20})},
           Case{"a segment that is too small", 32, Bytes(std::uint32_t{1 << 19})},
           Case{"no page size", 36, Bytes(std::uint32_t{0})},
           Case{"an odd page size", 36, Bytes(std::uint32_t{8191})},
           Case{"a page that is too small", 36, Bytes(std::uint32_t{512})},
           Case{"a page that is too large", 36, Bytes(std::uint32_t{1 << 17})},
       }) {
    auto broken = wal.bytes();
    broken.replace(at, bytes.size(), bytes);
    EXPECT_FALSE(ReadSegmentHeader(broken).ok()) << what;
    EXPECT_FALSE(FindLastCommit(broken).ok()) << what;
  }
  EXPECT_FALSE(ReadSegmentHeader(wal.bytes().substr(0, 39)).ok());
  EXPECT_FALSE(ReadSegmentHeader(std::string(kSegment, '\0')).ok());
}

TEST(SegmentHeaderTest, AReleaseThatIsNotKnownIsReadButNotSearched) {
  WalWriter wal(0xD121, kStart);
  wal.Commit(1);
  const auto header = ReadSegmentHeader(wal.bytes());
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->Major(), std::nullopt);
  EXPECT_EQ(FindLastCommit(wal.bytes()).error().kind, base::ErrorKind::kUnsupported);
}

TEST(LastCommitTest, IsOneOfFourOperations) {
  for (int info = 0; info < 256; info += 16) {
    WalWriter wal(kMagic, kStart);
    const auto first = wal.Commit(5);
    const auto second = wal.Commit(6, static_cast<std::uint8_t>(info));
    const int operation = info & 0x70;  // the highest bit says that more follows
    const bool ends = operation == 0x00 || operation == 0x20 || operation == 0x30 || operation == 0x40;
    ExpectCommit(Find(wal.bytes()), ends ? second : first, ends ? 6 : 5, std::to_string(info));
  }
  WalWriter wal(kMagic, kStart);
  for (std::uint8_t rmgr = 0; rmgr < 30; ++rmgr) {
    if (rmgr != 1) wal.Write(rmgr, 0x20, Main(std::string(8, 'x')));
  }
  EXPECT_EQ(Find(wal.bytes()), std::nullopt) << "other resource managers have no commits";
}

TEST(LastCommitTest, ItsTimeIsTheFirstOfItsMainDataWhateverStandsBefore) {
  const auto time = Bytes(std::uint64_t{77});
  const auto tail = Bytes(std::uint16_t{10}) + std::string(3, 'x');
  const auto block = [](int flags, std::uint16_t data, const std::string& image) {
    const bool same = (flags & 0x80) != 0;
    return std::string(1, '\1') + Bytes(static_cast<std::uint8_t>(flags)) + Bytes(data) + image +
           std::string(same ? 4 : 16, '\2');
  };
  const auto image = [](std::uint16_t length, int info) {
    return Bytes(length) + Bytes(std::uint16_t{9}) + Bytes(static_cast<std::uint8_t>(info));
  };
  const auto hole = Bytes(std::uint16_t{3});
  struct Case {
    const char* what;
    std::uint16_t magic;
    std::string headers;
    std::size_t content;
  };
  for (const auto& [what, magic, headers, content] : {
           Case{"nothing", kMagic, "", 0},
           Case{"an origin", kMagic, "\xFD" + tail.substr(0, 2), 0},
           Case{"a top-level xid", kMagic, "\xFC" + tail.substr(0, 4), 0},
           Case{"both", kMagic, "\xFD" + tail.substr(0, 2) + "\xFC" + tail.substr(0, 4), 0},
           Case{"a block", kMagic, block(0x20, 5, ""), 5},
           Case{"two blocks of one relation", kMagic, block(0x20, 5, "") + block(0xA0, 6, ""), 11},
           Case{"an image", kMagic, block(0x10, 0, image(100, 0x02)), 100},
           Case{"an image with a hole", kMagic, block(0x10, 0, image(100, 0x03)), 100},
           Case{"compressed by pglz, with a hole", kMagic, block(0x10, 0, image(100, 0x07) + hole), 100},
           Case{"compressed by lz4, with a hole", kMagic, block(0x30, 4, image(100, 0x0B) + hole), 104},
           Case{"compressed by zstd, with a hole", 0xD110, block(0x10, 0, image(100, 0x13) + hole), 100},
           Case{"compressed without a hole", kMagic, block(0x10, 0, image(100, 0x06)), 100},
           Case{"as 14 marks compression", 0xD10D, block(0x10, 0, image(100, 0x03) + hole), 100},
           Case{"as 14 marks what is applied", 0xD10D, block(0x10, 0, image(100, 0x05)), 100},
       }) {
    for (const std::size_t more : {0, 300}) {
      const auto main = Main(time + std::string(more, 'm'));
      const auto header = main.substr(0, more == 0 ? 2 : 5);
      WalWriter wal(magic, kStart);
      const auto written =
          wal.Write(1, 0x80, headers + header + std::string(content, 'c') + main.substr(header.size()));
      ExpectCommit(Find(wal.bytes()), written, 77, what);
    }
  }
}

TEST(LastCommitTest, ARecordWhoseChecksumHoldsButNotItsPartsIsMalformed) {
  const auto time = Bytes(std::uint64_t{77});
  for (const auto& parts :
       {std::string(), std::string("\xFF"), "\xFF\x09" + time, "\xFF\x07" + time, Main(""), Main("short"),
        "\x21" + Main(time), "\xFB" + Main(time), std::string("\xFD"), std::string("\x01\x10\x01"), "\xFE\x08" + time,
        std::string("\x01\x20\xFF\x7F") + std::string(16, 'b') + Main(time), Main(Bytes(~std::uint64_t{0} >> 1))}) {
    WalWriter wal(kMagic, kStart);
    wal.Commit(5);
    const auto begin = wal.here();
    wal.Write(1, 0, parts);
    ExpectMalformed(wal.bytes(), "expected a commit or an abort with its time", begin);
  }
}

TEST(LastCommitTest, ACommitMayLieOverTheEndOfAPageInEveryWay) {
  for (int over = -8; over <= 40; over += 8) {  // of its 40 bytes
    WalWriter wal(kMagic, kStart);
    wal.Fill(kPage - 40 - 29 - 40 + static_cast<std::size_t>(over));
    const auto written = wal.Commit(5);
    const auto header = over > 0 ? 24 : 0;
    ASSERT_EQ(written.end, kStart + kPage + static_cast<std::uint64_t>(over + header));
    ExpectCommit(Find(wal.bytes()), written, 5);
    EXPECT_EQ(Find(wal.bytes().substr(0, wal.bytes().size() - 8)), std::nullopt) << "a commit that is cut";
    const auto after = wal.Commit(6);
    ExpectCommit(Find(wal.bytes()), after, 6);
  }
}

TEST(LastCommitTest, ASwitchEndsTheSegmentWhateverFollows) {
  WalWriter wal(kMagic, kStart);
  const auto written = wal.Commit(5);
  wal.Switch();
  auto bytes = wal.bytes();
  ASSERT_EQ(bytes.size(), kSegment);
  ExpectCommit(Find(bytes), written, 5);
  std::fill(bytes.begin() + 300, bytes.end(), 'x');
  ExpectCommit(Find(bytes), written, 5, "rubbish behind it");
  EXPECT_FALSE(FindLastCommit(bytes + "x").ok()) << "more than a segment";
}

TEST(LastCommitTest, ReadingEndsAtAPageOfAnotherPlace) {
  WalWriter wal(kMagic, kStart);
  std::vector<WalWriter::Written> commits;
  for (int i = 0; wal.here() < kStart + 6 * kPage; ++i) {
    commits.push_back(wal.Commit(i));
    wal.Fill(500);
  }
  const auto last_before = [&](std::uint64_t page) {
    std::size_t i = 0;
    while (i + 1 < commits.size() && commits[i + 1].end <= kStart + page * kPage) ++i;
    return i;
  };
  struct Case {
    const char* what;
    std::size_t at;
    std::string bytes;
  };
  for (const auto& [what, at, bytes] : {
           Case{"zero", 0, std::string(kPage, '\0')},
           Case{"recycled", 8, Bytes(kStart - kSegment + 3 * kPage)},
           Case{"of another release", 0, Bytes(std::uint16_t{0xD116})},
           Case{"of a former timeline", 4, Bytes(std::uint32_t{0})},
       }) {
    auto broken = wal.bytes();
    broken.replace(3 * kPage + at, bytes.size(), bytes);
    const auto i = last_before(3);
    ExpectCommit(Find(broken), commits[i], static_cast<std::int64_t>(i), what);
  }
}

TEST(LastCommitTest, ATimelineMayBeginInsideTheSegmentButNoneComesBack) {
  WalWriter wal(kMagic, kStart);
  wal.timeline = 2;
  wal.Commit(1);
  wal.Fill(kPage);
  wal.timeline = 3;
  wal.Fill(kPage);
  const auto written = wal.Commit(2);
  ExpectCommit(Find(wal.bytes()), written, 2);
  wal.Fill(kPage - 200);
  wal.timeline = 2;
  wal.Fill(kPage);
  wal.Commit(3);
  ExpectCommit(Find(wal.bytes()), written, 2);
}

TEST(LastCommitTest, AWholeRecordThatFollowsAnotherOneIsOfFormerTimes) {
  WalWriter wal(kMagic, kStart);
  const auto written = wal.Commit(1);
  WalWriter former(kMagic, kStart - kSegment);
  former.Commit(8);
  former.Commit(9);
  ExpectCommit(Find(wal.bytes() + former.bytes().substr(wal.bytes().size())), written, 1);
}

TEST(LastCommitTest, ABrokenRecordIsMalformedAndNamed) {
  WalWriter wal(kMagic, kStart);
  wal.Commit(1);
  const auto broken = wal.Fill(3 * kPage);
  wal.Commit(2);
  const auto spoilt = [&](std::uint64_t at, std::string_view with) {
    auto bytes = wal.bytes();
    return bytes.replace(at - kStart, with.size(), with);
  };
  constexpr auto kSum = "expected a WAL record, found one with a wrong checksum";
  constexpr auto kLength = "expected a WAL record, found no length of one";
  constexpr auto kRest = "expected a WAL record that goes on in the next page, found other lengths there";
  ExpectMalformed(spoilt(broken.begin + 4, "x"), kSum, broken.begin);                      // xid
  ExpectMalformed(spoilt(broken.begin + 8, "x"), kSum, broken.begin);                      // xl_prev
  ExpectMalformed(spoilt(broken.begin + 16, "x"), kSum, broken.begin);                     // info
  ExpectMalformed(spoilt(broken.begin + 20, "x"), kSum, broken.begin);                     // the sum
  ExpectMalformed(spoilt(broken.begin + 100, "x"), kSum, broken.begin);                    // data
  ExpectMalformed(spoilt(broken.end - 9, "x"), kSum, broken.begin);                        // the last data
  ExpectMalformed(spoilt(broken.begin, Bytes(std::uint32_t{23})), kLength, broken.begin);  // xl_tot_len
  ExpectMalformed(spoilt(broken.begin, Bytes(std::uint32_t{1})), kLength, broken.begin);
  ExpectMalformed(spoilt(broken.begin, Bytes((std::uint32_t{1} << 30) + 1)), kLength, broken.begin);
  ExpectMalformed(spoilt(broken.begin, Bytes(std::uint32_t{24})), kSum, broken.begin);
  ExpectMalformed(spoilt(broken.begin, Bytes(std::uint32_t{500'000})), kRest, broken.begin);
  ExpectMalformed(spoilt(kStart + kPage + 2, Bytes(std::uint16_t{0})), kRest, broken.begin);       // no continuation
  ExpectMalformed(spoilt(kStart + 2 * kPage + 16, Bytes(std::uint32_t{1})), kRest, broken.begin);  // xlp_rem_len
}

TEST(LastCommitTest, APageThatGoesOnWithWhatHasEndedIsMalformed) {
  WalWriter wal(kMagic, kStart);
  wal.Fill(kPage - 40 - 24 - 5);
  ASSERT_EQ(wal.bytes().size(), kPage);
  wal.Commit(1);
  auto bytes = wal.bytes();
  bytes[kPage + 2] = 1;
  ExpectMalformed(bytes, "expected a page that begins with a WAL record, found the rest of one", kStart + kPage);
  auto first = wal.bytes();
  first[2] = 3;
  ExpectMalformed(first, "expected the rest of a WAL record, found one without length", kStart);
}

TEST(LastCommitTest, WhatACrashedServerGaveUpIsPassedOver) {
  WalWriter wal(kMagic, kStart);
  wal.Commit(1);
  wal.GiveUp(Main(std::string(3 * kPage, 'g')));
  const auto written = wal.Commit(2);
  ExpectCommit(Find(wal.bytes()), written, 2);
}

TEST(LastCommitTest, WhatWasGivenUpAtASegmentsStartIsPassedOver) {
  WalWriter wal(kMagic, kStart);
  wal.Fill(kSegment - kSegment / kPage * 24 - 16 - 200);
  wal.GiveUp(Main(std::string(3 * kPage, 'g')));
  ASSERT_GT(wal.bytes().size(), kSegment);
  const auto written = wal.Commit(2);
  ExpectCommit(Find(wal.Segment(1)), written, 2);
}

TEST(LastCommitTest, ARecordOverThreeSegmentsLeavesNoneInTheMiddle) {
  WalWriter wal(kMagic, kStart);
  const auto first = wal.Commit(1);
  wal.Fill(2 * kSegment);
  const auto last = wal.Commit(2);
  ExpectCommit(Find(wal.Segment(0)), first, 1);
  EXPECT_EQ(Find(wal.Segment(1)), std::nullopt);
  ExpectCommit(Find(wal.Segment(2)), last, 2);
}

// Records of every length lie over the ends of pages and segments in every way.
TEST(LastCommitTest, OfEachSegmentIsTheLastThatIsWholeInIt) {
  std::mt19937 random(20260103);
  constexpr std::uint32_t kPages[] = {1024, 8192, 65536};
  for (std::size_t round = 0; round < 6; ++round) {
    WalWriter wal(kMagics[round], kStart, kPages[round % 3]);
    std::vector<std::pair<WalWriter::Written, std::int64_t>> commits;
    while (wal.here() < kStart + 3 * kSegment) {
      const auto dice = random() % 100;
      const auto time = static_cast<std::int64_t>(random());
      if (dice < 20) {
        commits.emplace_back(wal.Commit(time, dice % 2 == 0 ? 0x20 : 0x80), time);
      } else {
        wal.Fill(random() % (dice < 99 ? 3000 : 100'000));
      }
    }
    for (std::size_t number = 0; number < 3; ++number) {
      const auto begin = kStart + number * kSegment;
      auto last = commits.rbegin();
      while (last->first.end > begin + kSegment) ++last;
      ASSERT_GE(last->first.begin, begin);
      ExpectCommit(Find(wal.Segment(number)), last->first, last->second, std::to_string(round));
    }
  }
}

}  // namespace
}  // namespace pgvigil::wal
