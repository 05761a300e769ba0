// Tars as they come, whole and damaged.
#include "archive/tar_reader.h"

#include <gtest/gtest.h>

#include "archive_on_disk.h"
#include "tar_writer.h"

namespace pgvigil::archive {
namespace {

class Told : public TarSink {
 public:
  void Begin(const TarEntry& entry) override { text += entry.kind + std::string(" ") + entry.name + "="; }
  void Content(std::string_view bytes) override { text += bytes; }
  void End() override { text += "\n"; }
  std::string text;
};

// What a tar holds, read in pieces; and "!" and the complaint, if there is one.
std::string Read(std::string_view tar, std::size_t piece = 100000) {
  Told told;
  TarReader reader(told);
  for (; !tar.empty(); tar.remove_prefix(std::min(piece, tar.size()))) {
    if (const auto fed = reader.Feed(tar.substr(0, piece)); !fed.ok()) return told.text + "!" + fed.error().message;
  }
  const auto ended = reader.Finish();
  return ended.ok() ? told.text : told.text + "!" + ended.error().message;
}

TEST(TarReaderTest, GivesEachFileWhole) {
  const auto tar = TarMemberOf("backup_label", "START") + TarMemberOf("base/", "", '5') + TarMemberOf("empty", "") +
                   TarMemberOf("last", std::string(1030, 'x')) + kTarEnd;
  const auto expected = "0 backup_label=START\n5 base/=\n0 empty=\n0 last=" + std::string(1030, 'x') + "\n";
  for (const std::size_t piece : {1, 7, 511, 512, 513, 100000}) EXPECT_EQ(Read(tar, piece), expected) << piece;
}

TEST(TarReaderTest, ReadsWhatPgBasebackupWrote) {
  const auto text = Read(Fixture("basebackup/base.tar"), 333);
  EXPECT_TRUE(text.starts_with("0 backup_label=START WAL LOCATION: 0/1300028"));
  EXPECT_TRUE(text.ends_with("5 pg_stat/=\n!the tar ends without the two empty blocks that close it, behind pg_stat/"))
      << "the fixture is its beginning";
}

TEST(TarReaderTest, MoreZerosMayFollowTheEnd) { EXPECT_EQ(Read(kTarEnd + std::string(9216, '\0')), ""); }

TEST(TarReaderTest, LongNamesOfGnu) {
  const std::string name(300, 'n');
  EXPECT_EQ(Read(TarMemberOf("././@LongLink", name + '\0', 'L') + TarMemberOf("short", "c") + kTarEnd),
            "0 " + name + "=c\n");
}

TEST(TarReaderTest, ExtendedHeadersOfPax) {
  const std::string name(120, 'p');
  const auto record = [](const std::string& text) {  // its length counts itself
    auto length = text.size() + 2;
    while (std::to_string(length).size() + text.size() + 2 != length) ++length;
    return std::to_string(length) + " " + text + "\n";
  };
  const auto tar =
      TarMemberOf("x", record("mtime=1.5") + record("path=" + name), 'x') + TarMemberOf("short", "c") + kTarEnd;
  EXPECT_EQ(Read(tar, 100), "0 " + name + "=c\n");
  const auto sized =
      TarMemberOf("x", record("size=3"), 'x') + TarHeader("f", 0) + "abc" + std::string(509, '\0') + kTarEnd;
  EXPECT_EQ(Read(sized), "0 f=abc\n");
  EXPECT_EQ(Read(TarMemberOf("x", "99 path=x\n", 'x') + kTarEnd), "!an extended header of the tar is damaged, behind ");
}

TEST(TarReaderTest, NamesOfTwoFieldsAndWithADot) {
  auto header = TarHeader("f", 0);
  EXPECT_EQ(ParseTarHeader(header)->name, "f");
  EXPECT_EQ(Read(TarMemberOf("./base/1/1247", "x") + kTarEnd), "0 base/1/1247=x\n");
}

TEST(TarReaderTest, LargeSizesAreBinary) {
  auto header = TarHeader("f", 0);
  header.replace(124, 12, std::string("\x80\0\0\0\0\0\0\x03\0\0\0\0", 12));
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  header.replace(148, 7, std::string(digits, 6) + '\0');
  EXPECT_EQ(ParseTarHeader(header)->size, std::uint64_t{3} << 32);
}

TEST(TarReaderTest, WhatIsCutShortIsSaid) {
  const auto tar = TarMemberOf("one", "1") + TarMemberOf("two", std::string(600, '2')) + kTarEnd;
  EXPECT_TRUE(Read(tar.substr(0, 1024 + 512 + 100)).ends_with("!the tar ends inside of two"));
  EXPECT_TRUE(Read(tar.substr(0, tar.size() - 1024))
                  .ends_with("!the tar ends without the two empty blocks that close it, behind two"));
  EXPECT_TRUE(Read(tar.substr(0, tar.size() - 512)).ends_with("behind two"));
  EXPECT_EQ(Read(""), "!the tar ends without the two empty blocks that close it");
}

TEST(TarReaderTest, AFlippedBitInAHeaderIsSaid) {
  const auto tar = TarMemberOf("one", "1") + TarMemberOf("two", "2") + kTarEnd;
  for (std::size_t at = 1024; at < 1536; at += 3) {
    auto damaged = tar;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(Read(damaged), "0 one=1\n!a header of the tar is damaged, behind one") << at;
  }
}

TEST(TarReaderTest, WhatStandsWhereNothingShouldIsSaid) {
  EXPECT_TRUE(Read(kTarEnd + "x").starts_with("!something follows the end of the tar"));
  EXPECT_TRUE(Read(std::string(512, '\0') + TarMemberOf("one", "1"))
                  .starts_with("!an empty block lies in the middle of the tar"));
  EXPECT_EQ(Read(std::string(512, 'x')), "!a header of the tar is damaged, at its beginning");
}

}  // namespace
}  // namespace pgvigil::archive
