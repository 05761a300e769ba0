#include "archive/decompress.h"

#include <gtest/gtest.h>

#include "archive_on_disk.h"
#include "wal/crc32c.h"

namespace pgvigil::archive {
namespace {

using wal::Compression;

constexpr std::array kStreams{Compression::kGzip,   Compression::kBzip2, Compression::kXz,
                              Compression::kSnappy, Compression::kLz4,   Compression::kZstd};
constexpr std::uint64_t kPlenty = 1 << 20;

std::string Text() {
  std::string text;
  for (int i = 0; i < 12000; ++i) text += "line " + std::to_string(i % 50) + " of 50\n";
  return text;
}

std::string Stream(Compression compression) { return Fixture("streams/text" + std::string(Suffix(compression))); }

class DecompressTest : public testing::TestWithParam<Compression> {};

TEST_P(DecompressTest, GivesTheTextBack) {
  const auto plain = Decompress(Stream(GetParam()), GetParam(), kPlenty);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(*plain, Text());
}

TEST_P(DecompressTest, GivesTheSameByteByByte) {
  const auto bytes = Stream(GetParam());
  const auto stream = MakeDecompressor(GetParam());
  std::string plain;
  for (const char& byte : bytes) {
    const auto fed = stream->Feed({&byte, 1}, [&](std::string_view piece) {
      plain += piece;
      return true;
    });
    ASSERT_TRUE(fed.ok()) << fed.error().message;
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(plain, Text());
}

TEST_P(DecompressTest, TwoStreamsInOneFileAreBothRead) {
  const auto one = Stream(GetParam());
  const auto plain = Decompress(one + one, GetParam(), kPlenty);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(*plain, Text() + Text());
}

TEST_P(DecompressTest, AStreamThatIsCutShortIsMalformed) {
  const auto bytes = Stream(GetParam());
  for (const auto keep : {std::size_t{0}, std::size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
    const auto plain = Decompress(std::string_view(bytes).substr(0, keep), GetParam(), kPlenty);
    ASSERT_FALSE(plain.ok()) << keep;
    EXPECT_EQ(plain.error().kind, base::ErrorKind::kMalformed);
  }
}

TEST_P(DecompressTest, ABitThatFlippedIsNoticed) {
  auto bytes = Stream(GetParam());
  if (GetParam() == Compression::kZstd || GetParam() == Compression::kLz4) {
    bytes.back() = static_cast<char>(bytes.back() ^ 1);  // of the content's checksum
  } else {
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  }
  EXPECT_FALSE(Decompress(bytes, GetParam(), kPlenty).ok());
}

TEST_P(DecompressTest, MoreThanWasAskedForIsALimit) {
  const auto size = Text().size();
  EXPECT_TRUE(Decompress(Stream(GetParam()), GetParam(), size).ok());
  const auto plain = Decompress(Stream(GetParam()), GetParam(), size - 1);
  ASSERT_FALSE(plain.ok());
  EXPECT_EQ(plain.error().kind, base::ErrorKind::kLimit);
}

TEST_P(DecompressTest, TextIsNoStream) {
  const auto plain = Decompress("1\t0/1420BC18\tno recovery target specified\n", GetParam(), kPlenty);
  ASSERT_FALSE(plain.ok());
  EXPECT_EQ(plain.error().kind, base::ErrorKind::kMalformed);
  EXPECT_NE(plain.error().message.find(Name(GetParam())), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Formats, DecompressTest, testing::ValuesIn(kStreams),
                         [](const auto& format) { return std::string(Name(format.param)); });

TEST(DecompressTest, WhatIsNotCompressedStaysAsItIs) {
  EXPECT_EQ(*Decompress("as it is", Compression::kNone, 8), "as it is");
  EXPECT_FALSE(Decompress("as it is", Compression::kNone, 7).ok());
}

std::string Chunk(unsigned char type, const std::string& body) {
  std::string chunk(1, static_cast<char>(type));
  for (int i = 0; i < 3; ++i) chunk += static_cast<char>(body.size() >> (8 * i) & 0xFF);
  return chunk + body;
}

std::string Masked(std::string_view plain) {
  const auto crc = wal::Crc32c(plain);
  const auto masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(masked >> (8 * i) & 0xFF);
  return bytes;
}

TEST(SnappyFramesTest, TakesUncompressedAndSkippableChunks) {
  const auto head = Chunk(0xff, "sNaPpY");
  const auto plain = Decompress(head + Chunk(0xfe, "padding") + Chunk(0x01, Masked("abc") + "abc") + head +
                                    Chunk(0x80, "") + Chunk(0x01, Masked("def") + "def"),
                                Compression::kSnappy, kPlenty);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(*plain, "abcdef");
}

TEST(SnappyFramesTest, RejectsWhatTheFormatForbids) {
  const auto head = Chunk(0xff, "sNaPpY");
  for (const auto& bytes :
       {Chunk(0x01, Masked("abc") + "abc"), Chunk(0xff, "snappy"), head + Chunk(0x02, "abc"), head + Chunk(0x01, "abc"),
        head + Chunk(0x01, Masked("abc") + "abd"), head + Chunk(0x00, Masked("abc") + "abc"),
        head + Chunk(0x01, Masked(std::string(65537, 'a')) + std::string(65537, 'a'))}) {
    EXPECT_FALSE(Decompress(bytes, Compression::kSnappy, kPlenty).ok()) << bytes.size();
  }
}

}  // namespace
}  // namespace pgvigil::archive
