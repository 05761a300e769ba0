#include "wal/file_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgvigil::wal {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr Compression kCompressions[] = {Compression::kNone, Compression::kGzip,   Compression::kBzip2,
                                         Compression::kXz,   Compression::kSnappy, Compression::kLz4,
                                         Compression::kZstd};
const std::string kSegmentName = "0000000A0000000B000000FF";
const std::string kSha1 = "-0123456789abcdef0123456789abcdef01234567";

TEST(FileNameTest, EveryKindIsKnownWithEverySuffix) {
  struct Case {
    std::string name;
    FileKind kind;
    RawSegment segment;
    std::optional<std::uint32_t> offset;
  };
  const RawSegment segment{10, 11, 255};
  for (const auto& [name, kind, raw, offset] : {
           Case{kSegmentName, FileKind::kSegment, segment, {}},
           Case{kSegmentName + ".partial", FileKind::kPartial, segment, {}},
           Case{kSegmentName + ".00000028.backup", FileKind::kBackupLabel, segment, 0x28},
           Case{"0000000A.history", FileKind::kHistory, {10, 0, 0}, {}},
           Case{"FFFFFFFFFFFFFFFFFFFFFFFF", FileKind::kSegment, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {}},
       }) {
    for (const auto compression : kCompressions) {
      const auto whole = name + std::string(Suffix(compression));
      const auto file = ParseFileName(whole);
      ASSERT_TRUE(file) << whole;
      EXPECT_EQ(file->kind, kind) << whole;
      EXPECT_EQ(file->segment, raw) << whole;
      EXPECT_EQ(file->backup_offset, offset) << whole;
      EXPECT_EQ(file->compression, compression) << whole;
    }
  }
}

TEST(FileNameTest, NothingElseIsTakenForOne) {
  std::vector<std::string> others = {
      "",
      ".gz",
      "00000001",
      "00000001.",
      "00000001.gz",
      "00000000.history",
      "00000001.History",
      "1.history",
      "000000010000000000000001.history",
      "00000001.history.partial",
      "00000001.partial",
      "000000000000000000000001",  // no timeline 0
      "00000001000000000000000a",  // lower case
      "00000001000000000000000G",
      "00000001000000000000001",
      "0000000100000000000000001",
      "0x0000010000000000000001",
      "000000010000000000000001.GZ",
      "000000010000000000000001.gz.gz",
      "000000010000000000000001.gz.partial",
      "000000010000000000000001.gpg",
      "000000010000000000000001.tar",
      "000000010000000000000001gz",
      "000000010000000000000001.backup",
      "000000010000000000000001.0000028.backup",
      "000000010000000000000001.0000002g.backup",
      "000000010000000000000001.00000028.backu",
      "000000010000000000000001.00000028",
      "000000010000000000000001.partial.00000028.backup",
      "000000010000000000000001 ",
      " 000000010000000000000001",
      "wals/000000010000000000000001",
      "backup.info",
      kSegmentName + kSha1,
  };
  for (std::size_t length = 0; length < kSegmentName.size(); ++length) others.push_back(kSegmentName.substr(0, length));
  others.push_back(kSegmentName + '\0');
  for (const auto& name : others) EXPECT_FALSE(ParseFileName(name)) << name;
}

TEST(FileNameTest, EveryByteButADigitBreaksAName) {
  for (std::size_t place = 0; place < kSegmentName.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      auto name = kSegmentName;
      name[place] = static_cast<char>(byte);
      const bool digit = std::string_view("0123456789ABCDEF").find(name[place]) != std::string_view::npos;
      const bool timeline_zero = name.starts_with("00000000");
      EXPECT_EQ(ParseFileName(name).has_value(), digit && !timeline_zero) << name;
    }
  }
}

TEST(CompressionTest, ASuffixIsTakenOffAndTheLongestNameKeepsTheRest) {
  for (const auto compression : kCompressions) {
    const auto name = "anything" + std::string(Suffix(compression));
    std::string_view left = name;
    EXPECT_EQ(StripSuffix(left), compression);
    EXPECT_EQ(left, "anything");
  }
  std::string_view twice = "a.gz.zst";
  EXPECT_EQ(StripSuffix(twice), Compression::kZstd);
  EXPECT_EQ(twice, "a.gz");
  for (const std::string_view name : {"", "z", "gz", "agz", "a.gzip", "a.Z", "a.t", "a.2", "a.4", "snappy"}) {
    auto left = name;
    EXPECT_EQ(StripSuffix(left), Compression::kNone) << name;
    EXPECT_EQ(left, name);
  }
}

TEST(CompressionTest, HasTheNameOfItsTool) {
  std::string names;
  for (const auto compression : kCompressions) names += std::string(Name(compression)) + " ";
  EXPECT_EQ(names, "none gzip bzip2 xz snappy lz4 zstd ");
}

TEST(BackrestNameTest, ASegmentCarriesItsSum) {
  struct Case {
    std::string name;
    FileKind kind;
    Compression compression;
  };
  for (const auto& [name, kind, compression] : {
           Case{kSegmentName + kSha1, FileKind::kSegment, Compression::kNone},
           Case{kSegmentName + kSha1 + ".gz", FileKind::kSegment, Compression::kGzip},
           Case{kSegmentName + kSha1 + ".bz2", FileKind::kSegment, Compression::kBzip2},
           Case{kSegmentName + kSha1 + ".lz4", FileKind::kSegment, Compression::kLz4},
           Case{kSegmentName + kSha1 + ".zst", FileKind::kSegment, Compression::kZstd},
           Case{kSegmentName + ".partial" + kSha1 + ".gz", FileKind::kPartial, Compression::kGzip},
           Case{kSegmentName + ".00000028.backup", FileKind::kBackupLabel, Compression::kNone},
           Case{"0000000A.history", FileKind::kHistory, Compression::kNone},
       }) {
    const auto file = ParseBackrestName(name);
    ASSERT_TRUE(file) << name;
    EXPECT_EQ(file->kind, kind) << name;
    EXPECT_EQ(file->segment.timeline, 10U) << name;
    EXPECT_EQ(file->compression, compression) << name;
  }
}

TEST(BackrestNameTest, NothingElseIsTakenForOne) {
  for (const auto& name : {
           std::string(),
           kSha1,
           kSegmentName,
           kSegmentName + ".gz",
           kSegmentName + ".partial",
           kSegmentName + kSha1 + ".xz",
           kSegmentName + kSha1 + ".snappy",
           kSegmentName + ".gz" + kSha1,
           kSegmentName + kSha1.substr(0, 40),
           kSegmentName + kSha1 + "0",
           kSegmentName + kSha1.substr(1),
           kSegmentName + "-0123456789ABCDEF0123456789ABCDEF01234567",
           kSegmentName + kSha1 + kSha1,
           kSegmentName + "-0123456789abcdef0123456789abcdef0123456g",
           "0000000A.history" + kSha1,
           kSegmentName + ".00000028.backup" + kSha1,
       }) {
    EXPECT_FALSE(ParseBackrestName(name)) << name;
  }
}

TEST(ResolveTest, AtEverySizeAllSegmentsOfAUnitAndNoMore) {
  for (std::uint64_t mib = 1; mib <= 1024; mib *= 2) {
    const auto size = *SegmentSize::FromBytes(mib * kMiB);
    const auto last = static_cast<std::uint32_t>(size.per_4gib() - 1);
    for (const std::uint32_t unit : {0U, 1U, 0xFFFFFFFFU}) {
      for (const std::uint32_t within : {0U, 1U, last}) {
        const auto segment = Resolve({7, unit, within}, size);
        ASSERT_TRUE(segment) << mib;
        const auto name = FileName(*segment, size);
        EXPECT_EQ(*ParseSegmentName(name, size), *segment);
        EXPECT_EQ(ParseFileName(name)->segment, (RawSegment{7, unit, within})) << name;
      }
      EXPECT_FALSE(Resolve({7, unit, last + 1}, size)) << mib;
      EXPECT_FALSE(Resolve({0, unit, 0}, size)) << mib;
    }
  }
}

TEST(HistoryNameTest, IsReadBack) {
  EXPECT_EQ(HistoryName(10), "0000000A.history");
  for (const std::uint32_t timeline : {1U, 2U, 0xABCDEFU, 0xFFFFFFFFU}) {
    const auto file = ParseFileName(HistoryName(timeline));
    ASSERT_TRUE(file);
    EXPECT_EQ(file->kind, FileKind::kHistory);
    EXPECT_EQ(file->segment.timeline, timeline);
  }
}

}  // namespace
}  // namespace pgvigil::wal
