#include "archive/wal_reading.h"

#include <gtest/gtest.h>

#include <map>

#include "../wal/wal_writer.h"

namespace pgvigil::archive {
namespace {

using wal::Lsn;
using LastCommitted = cluster::ArchiveContents::LastCommitted;

constexpr std::uint64_t kSegment = 1 << 20;
constexpr std::uint64_t kStart = 7 * kSegment;
constexpr std::int64_t kEpoch = 946'684'800'000'000;  // 2000 in microseconds since 1970

// Segments of timeline 1 from number 7 on.
class Segments : public Reader {
 public:
  explicit Segments(const wal::WalWriter& writer) {
    for (std::size_t i = 0; i * kSegment < writer.bytes().size(); ++i) files_[7 + i] = writer.Segment(i);
  }
  void Lose(std::uint64_t number) { files_.erase(number); }
  std::string& At(std::uint64_t number) { return files_[number]; }

  std::string Place() const override { return "here"; }
  base::Result<std::shared_ptr<const cluster::ArchiveContents>> Pass(const PassOptions&) override {
    return std::make_shared<const cluster::ArchiveContents>();
  }
  base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration) override {
    const auto file = files_.find(segment.number);
    if (file == files_.end()) return base::Error{base::ErrorKind::kNotFound, "no such file", "", {}};
    return file->second;
  }
  BackupContent ReadContent(const cluster::Backup&, const ContentOptions&) override { return NotRead("a fake"); }

 private:
  std::map<std::uint64_t, std::string> files_;
};

WalReading Reading(Reader& reader, const std::string& identifier = {}) {
  return {reader, *wal::SegmentSize::FromBytes(kSegment), std::chrono::hours(1), identifier};
}

std::optional<LastCommitted> Find(Reader& reader, std::uint64_t end, int most = 4) {
  const auto found = Reading(reader).LastCommitBefore(wal::Path(), Lsn{end}, most);
  EXPECT_TRUE(found.ok());
  return found.ok() ? *found : std::nullopt;
}

std::int64_t Time(const std::optional<LastCommitted>& found) {
  return found ? found->at.time_since_epoch().count() - kEpoch : -1;
}

TEST(WalReadingTest, WhatEndsBehindThePositionDoesNotCount) {
  wal::WalWriter writer(0xD110, kStart);
  const auto first = writer.Commit(100);
  const auto second = writer.Commit(200);
  writer.Commit(300);
  Segments segments(writer);
  EXPECT_EQ(Time(Find(segments, kStart + kSegment)), 300);
  EXPECT_EQ(Time(Find(segments, second.end)), 200);
  EXPECT_EQ(Time(Find(segments, second.end - 8)), 100);
  EXPECT_EQ(Find(segments, second.end)->end.bytes, second.end);
  EXPECT_EQ(Time(Find(segments, first.end - 8)), -1);
}

TEST(WalReadingTest, SegmentsWithoutOneArePassedOverUntilThereIsNoneOrTooMany) {
  wal::WalWriter writer(0xD110, kStart);
  writer.Commit(100);
  writer.Switch();
  writer.Fill(500);
  writer.Switch();
  const auto filler = writer.Fill(500);
  Segments segments(writer);
  EXPECT_EQ(Time(Find(segments, filler.end)), 100);
  EXPECT_EQ(Time(Find(segments, filler.end, 2)), -1);
  segments.Lose(8);
  EXPECT_EQ(Time(Find(segments, filler.end)), -1);
}

// What recovery would stop at is told apart from what cannot be read.
class DamageTest : public testing::Test {
 protected:
  DamageTest() : writer_(0xD110, kStart) {
    writer_.Commit(100);
    writer_.Switch();
    writer_.Commit(200);
    writer_.Switch();
    segments_.emplace(writer_);
  }
  std::string DamageOf(std::uint64_t number, const std::string& identifier = "7000") {
    auto reading = Reading(*segments_, identifier);
    const auto read = reading.Read({1, number});
    if (read.ok()) return "none";
    EXPECT_EQ(read.error().kind, base::ErrorKind::kMalformed);
    EXPECT_EQ(read.error().subject, "00000001000000000000000" + std::to_string(number));
    EXPECT_EQ(reading.damaged().size(), 1U);
    return reading.damaged().at({1, number});
  }

  wal::WalWriter writer_;
  std::optional<Segments> segments_;
};

TEST_F(DamageTest, AWholeSegmentHasNone) {
  EXPECT_EQ(DamageOf(7), "none");
  auto reading = Reading(*segments_);
  const auto read = reading.Read({1, 8});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->bytes, kSegment);
  EXPECT_EQ(read->last_commit->at.time_since_epoch().count() - kEpoch, 200);
  EXPECT_EQ(reading.system_identifier(), "7000") << "told by the first that is read";
}

TEST_F(DamageTest, ZerosAreNoWal) {
  segments_->At(7).assign(kSegment, '\0');
  EXPECT_EQ(DamageOf(7), "it does not begin as WAL does");
}

TEST_F(DamageTest, OneUnderAnothersNameIsFoundOut) {
  segments_->At(7) = segments_->At(8);
  EXPECT_EQ(DamageOf(7), "it holds the WAL from 0/800000 on: it lies under a wrong name");
}

TEST_F(DamageTest, AnotherClustersIsFoundOut) {
  EXPECT_EQ(DamageOf(7, "7001"), "it is of another cluster: expected system identifier 7001, found 7000");
}

TEST_F(DamageTest, ABitThatFlippedIsFoundBySums) {
  segments_->At(7)[60] ^= 1;
  EXPECT_TRUE(DamageOf(7).ends_with(" at 0/700028")) << DamageOf(7);
}

TEST_F(DamageTest, WhatIsNotThereIsNotDamaged) {
  segments_->Lose(7);
  auto reading = Reading(*segments_);
  EXPECT_EQ(reading.Read({1, 7}).error().kind, base::ErrorKind::kNotFound);
  EXPECT_TRUE(reading.damaged().empty());
}

}  // namespace
}  // namespace pgvigil::archive
