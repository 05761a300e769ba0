#include <gtest/gtest.h>

#include <map>

#include "../wal/wal_writer.h"
#include "archive/reader.h"

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

std::optional<LastCommitted> Find(Reader& reader, std::uint64_t end, int most = 4) {
  const auto found = LastCommitBefore(reader, wal::Path(), Lsn{end}, *wal::SegmentSize::FromBytes(kSegment), most,
                                      std::chrono::hours(1));
  EXPECT_TRUE(found.ok());
  return found.ok() ? *found : std::nullopt;
}

std::int64_t Time(const std::optional<LastCommitted>& found) {
  return found ? found->at.time_since_epoch().count() - kEpoch : -1;
}

TEST(LastCommitBeforeTest, WhatEndsBehindThePositionDoesNotCount) {
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

TEST(LastCommitBeforeTest, SegmentsWithoutOneArePassedOverUntilThereIsNoneOrTooMany) {
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

}  // namespace
}  // namespace pgvigil::archive
