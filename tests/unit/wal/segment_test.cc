#include "wal/segment.h"

#include <gtest/gtest.h>

namespace pgvigil::wal {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

SegmentSize Size(std::uint64_t mib) { return *SegmentSize::FromBytes(mib * kMiB); }

TEST(LsnTest, ReadsAndPrintsAsPostgresDoes) {
  struct Case {
    const char* text;
    std::uint64_t bytes;
  };
  for (const auto& [text, bytes] : {Case{"0/0", 0}, Case{"0/A000028", 0xA000028}, Case{"16/B374D848", 0x16B374D848},
                                    Case{"FFFFFFFF/FFFFFFFF", ~std::uint64_t{0}}}) {
    const auto lsn = ParseLsn(text);
    ASSERT_TRUE(lsn.ok()) << text;
    EXPECT_EQ(lsn->bytes, bytes);
    EXPECT_EQ(Format(*lsn), text);
  }
}

TEST(LsnTest, RejectsWhatIsNotOneAndSaysWhat) {
  for (const char* text :
       {"", "/", "0/", "/0", "16B374D848", "0/0/0", " 0/0", "0/0 ", "-1/0", "0x1/0", "100000000/0", "0/G"}) {
    const auto lsn = ParseLsn(text);
    ASSERT_FALSE(lsn.ok()) << text;
    EXPECT_EQ(lsn.error().kind, base::ErrorKind::kMalformed);
    EXPECT_EQ(lsn.error().subject, text);
  }
}

TEST(SegmentSizeTest, IsAPowerOfTwoFromOneMiBToOneGiB) {
  for (const std::uint64_t mib : {1, 2, 16, 64, 1024}) EXPECT_TRUE(SegmentSize::FromBytes(mib * kMiB).ok()) << mib;
  for (const std::uint64_t bytes : {std::uint64_t{0}, kMiB / 2, 3 * kMiB, 16 * kMiB + 1, 2048 * kMiB}) {
    EXPECT_FALSE(SegmentSize::FromBytes(bytes).ok()) << bytes;
  }
}

TEST(SegmentTest, NameNumberAndPositionAgreeAtEverySize) {
  struct Case {
    std::uint64_t mib;
    Segment segment;
    const char* name;
    const char* start;
  };
  for (const auto& [mib, segment, name, start] : {
           Case{16, {1, 1}, "000000010000000000000001", "0/1000000"},
           Case{16, {1, 255}, "0000000100000000000000FF", "0/FF000000"},
           Case{16, {1, 256}, "000000010000000100000000", "1/0"},
           Case{64, {2, 64}, "000000020000000100000000", "1/0"},
           Case{1, {1, 4095}, "000000010000000000000FFF", "0/FFF00000"},
           Case{1024, {0x1A, 7}, "0000001A0000000100000003", "1/C0000000"},
       }) {
    const auto size = Size(mib);
    const auto parsed = ParseSegmentName(name, size);
    ASSERT_TRUE(parsed.ok()) << name;
    EXPECT_EQ(*parsed, segment);
    EXPECT_EQ(FileName(segment, size), name);
    EXPECT_EQ(Format(Start(segment, size)), start);
    EXPECT_EQ(SegmentAt(segment.timeline, Start(segment, size), size), segment);
  }
}

TEST(SegmentTest, ANameOfAnotherSegmentSizeIsNotTakenForOneOfOurs) {
  EXPECT_TRUE(ParseSegmentName("0000000100000000000000FF", Size(16)).ok());
  EXPECT_FALSE(ParseSegmentName("0000000100000000000000FF", Size(64)).ok());
}

TEST(SegmentTest, RejectsEveryOtherFileOfAnArchive) {
  for (const char* name :
       {"00000002.history", "000000010000000000000001.partial", "000000010000000000000001.00000028.backup",
        "000000010000000000000001.gz", "00000001000000000000000a", "000000000000000000000001", ""}) {
    EXPECT_FALSE(ParseSegmentName(name, Size(16)).ok()) << name;
  }
}

}  // namespace
}  // namespace pgvigil::wal
