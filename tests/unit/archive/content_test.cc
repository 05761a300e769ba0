// Objects read in pieces, what is noted of them, and how fast.
#include "archive/content.h"

#include <gtest/gtest.h>

#include "archive/bandwidth.h"
#include "archive/checksum.h"
#include "archive/control_file.h"
#include "archive_on_disk.h"
#include "wal/crc32c.h"

namespace pgvigil::archive {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ContentTest : public testing::Test {
 protected:
  ContentTest() {
    options_.piece = 10;
    options_.on_read = [this](std::uint64_t bytes) { pieces_.push_back(bytes); };
  }
  ContentReading Reading() { return {*store_, clock_, options_}; }
  void Put(const std::string& key, const std::string& content) { disk_.Put(key, content, clock_.Wall()); }
  // The plain bytes of an object, or "!" and why not.
  std::string Stream(ContentReading& reading, const std::string& key, std::uint64_t size, StreamFormat format = {}) {
    ObjectCursor cursor(reading, {key, size, {}, {}});
    std::string plain;
    const bool read = ReadStream(reading, cursor, size, format, key, [&](std::string_view some) {
      plain += some;
      return base::Status(base::Done{});
    });
    return read ? plain : "!" + plain;
  }

  fakes::ManualClock clock_;
  ArchiveOnDisk disk_;
  std::shared_ptr<fakes::CountingStore> store_ = disk_.Open();
  ContentOptions options_;
  std::vector<std::uint64_t> pieces_;
};

TEST_F(ContentTest, AnObjectIsReadInPiecesAndCounted) {
  Put("k", "abcdefghijklmnopqrstuvwxyz");
  auto reading = Reading();
  EXPECT_EQ(Stream(reading, "k", 26), "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(pieces_, (std::vector<std::uint64_t>{10, 10, 6}));
  const auto content = reading.Take();
  EXPECT_EQ(content.files, 1U);
  EXPECT_EQ(content.bytes, 26U);
  EXPECT_EQ(content.found, 0U);
  EXPECT_FALSE(content.error);
}

TEST_F(ContentTest, ACursorGoesBackAndForth) {
  Put("k", "abcdefghijklmnopqrstuvwxyz");
  auto reading = Reading();
  ObjectCursor cursor(reading, {"k", 26, {}, {}});
  cursor.Seek(20);
  EXPECT_EQ(cursor.Next(3), "uvw");
  cursor.Seek(2);
  EXPECT_EQ(cursor.Next(2), "cd");
  EXPECT_EQ(cursor.Next(100), "efghijkl") << "to the end of the piece";
  EXPECT_EQ(cursor.position(), 12U);
}

TEST_F(ContentTest, AStreamThatIsDamagedIsAFindingWithItsPlace) {
  const auto good = Fixture("streams/text.gz");
  Put("k.gz", good.substr(0, good.size() / 2));
  auto reading = Reading();
  EXPECT_TRUE(Stream(reading, "k.gz", good.size() / 2, {wal::Compression::kGzip, {}}).starts_with("!"));
  const auto content = reading.Take();
  ASSERT_EQ(content.findings.size(), 1U);
  EXPECT_EQ(content.findings[0].key, "k.gz");
  EXPECT_TRUE(content.findings[0].what.starts_with("gzip stream: it ends too early (at byte "));
}

TEST_F(ContentTest, AMissingObjectIsAFindingAndARefusedOneIsNot) {
  auto reading = Reading();
  EXPECT_EQ(Stream(reading, "none", 5), "!");
  EXPECT_EQ(reading.Take().findings.at(0).what, "is missing");
  Put("k", "abc");
  store_->refuse = [](const std::string&, bool) { return base::ErrorKind::kTimeout; };
  auto refused = Reading();
  EXPECT_EQ(Stream(refused, "k", 3), "!");
  const auto content = refused.Take();
  EXPECT_EQ(content.found, 0U);
  ASSERT_TRUE(content.error);
  EXPECT_EQ(content.error->kind, base::ErrorKind::kTimeout);
}

TEST_F(ContentTest, TheFirstFindingsAreKeptAndAllAreCounted) {
  auto reading = Reading();
  for (int i = 0; i < 25; ++i) reading.Found(std::to_string(i), "x");
  const auto content = reading.Take();
  EXPECT_EQ(content.found, 25U);
  EXPECT_EQ(content.findings.size(), kNotesKept);
  EXPECT_EQ(content.findings.back().key, "9");
}

TEST(BandwidthTest, WaitsForWhatWasReadBeyondIt) {
  Bandwidth bandwidth(1000);
  const base::SteadyTime now(seconds(100));
  EXPECT_EQ(bandwidth.Spend(1000, now), seconds(1));
  EXPECT_EQ(bandwidth.Spend(500, now + milliseconds(200)), milliseconds(1300));
  EXPECT_EQ(bandwidth.Spend(100, now + seconds(2)), seconds(0)) << "half a second was not used";
}

TEST(BandwidthTest, ASecondIsSavedUpAndNoMore) {
  Bandwidth bandwidth(1000);
  EXPECT_EQ(bandwidth.Spend(0, base::SteadyTime(seconds(100))), seconds(0));
  EXPECT_EQ(bandwidth.Spend(1500, base::SteadyTime(seconds(500))), milliseconds(500));
}

TEST(ChecksumTest, AreThoseOfTheStandards) {
  const auto sum = [](std::string_view algorithm, std::string_view text) {
    const auto checksum = MakeChecksum(algorithm);
    for (const char byte : text) checksum->Update({&byte, 1});
    return checksum->Hex();
  };
  EXPECT_EQ(sum("CRC32C", "123456789"), "839206e3") << "0xe3069283, the lowest byte first";
  EXPECT_EQ(sum("SHA1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sum("SHA224", "abc"), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
  EXPECT_EQ(sum("SHA256", "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sum("SHA384", "abc").substr(0, 16), "cb00753f45a35e8b");
  EXPECT_EQ(sum("SHA512", "abc").substr(0, 16), "ddaf35a193617aba");
  EXPECT_FALSE(MakeChecksum("MD5"));
}

// As a server of this version of the format would write it.
std::string ControlFileOf(std::uint32_t version, std::size_t sum_at) {
  std::string bytes(8192, '\0');
  const auto put = [&](std::size_t at, std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i)
      bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i) & 0xFF);
  };
  put(0, 7711255548013778207, 8);
  put(8, version, 4);
  put(sum_at, wal::Crc32c(std::string_view(bytes).substr(0, sum_at)), 4);
  return bytes;
}

TEST(ControlFileTest, TellsItsClusterIfItsChecksumIsRight) {
  for (const auto& [version, at] : {std::pair{1300U, 288U}, {1700U, 288U}, {1800U, 292U}}) {
    auto bytes = ControlFileOf(version, at);
    const auto control = ParseControlFile(bytes);
    ASSERT_TRUE(control.ok()) << control.error().message;
    EXPECT_EQ(control->system_identifier, "7711255548013778207");
    bytes[100] = 1;
    EXPECT_EQ(ParseControlFile(bytes).error().kind, base::ErrorKind::kMalformed);
  }
}

TEST(ControlFileTest, AnotherVersionOrLengthIsNotJudged) {
  EXPECT_EQ(ParseControlFile(ControlFileOf(1201, 288)).error().kind, base::ErrorKind::kUnsupported);
  EXPECT_EQ(ParseControlFile("").error().kind, base::ErrorKind::kMalformed);
  EXPECT_EQ(ParseControlFile(ControlFileOf(1300, 288).substr(1)).error().kind, base::ErrorKind::kMalformed);
}

}  // namespace
}  // namespace pgvigil::archive
