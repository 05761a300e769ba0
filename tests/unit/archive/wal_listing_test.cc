#include "archive/wal_listing.h"

#include <gtest/gtest.h>

#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

using namespace std::chrono_literals;
using wal::Segment;

// Archives of 1 MiB segments: 4096 of them in a folder.
class WalListingTest : public testing::Test {
 protected:
  WalListingTest() { Open(true); }

  void Open(bool folders) {
    folders_ = folders;
    store_ = disk_.Open();
    listing_ = std::make_unique<WalListing>(store_, WalLayout{"o/wals/", folders, wal::ParseFileName}, clock_);
    options_ = {};
    options_.segment_size = *wal::SegmentSize::FromBytes(kMiB);
  }
  std::string Key(std::uint32_t timeline, std::uint64_t number, const std::string& suffix = ".gz") const {
    const auto name = wal::FileName({timeline, number}, *wal::SegmentSize::FromBytes(kMiB));
    return "o/wals/" + (folders_ ? name.substr(0, 16) + "/" : "") + name + suffix;
  }
  void Put(std::uint32_t timeline, std::uint64_t number, const std::string& suffix = ".gz", std::uint64_t size = 9) {
    disk_.PutSize(Key(timeline, number, suffix), size, clock_.Wall());
  }
  void PutRange(std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
    for (auto number = first; number <= last; ++number) Put(timeline, number);
  }
  void PutHistory(std::uint32_t timeline, const std::string& text) {
    disk_.Put("o/wals/" + wal::HistoryName(timeline), text, clock_.Wall());
  }
  const cluster::WalInventory& Pass(bool everything = false) {
    store_->Forget();
    options_.everything = everything;
    const auto passed = listing_->Pass(options_);
    EXPECT_TRUE(passed.ok()) << passed.error().message << " " << passed.error().subject;
    return listing_->inventory();
  }
  const cluster::WalInventory& PassAfter(std::chrono::seconds span) {
    clock_.Advance(span);
    return Pass();
  }
  std::string Stored() const {
    std::string text;
    for (const auto& run : listing_->inventory().stored.Intervals())
      text += (text.empty() ? "" : " ") + std::to_string(run.timeline) + ":" + std::to_string(run.first) + "-" +
              std::to_string(run.last);
    return text;
  }

  fakes::ManualClock clock_;
  ArchiveOnDisk disk_;
  std::shared_ptr<fakes::CountingStore> store_;
  std::unique_ptr<WalListing> listing_;
  PassOptions options_;
  bool folders_ = true;
};

TEST_F(WalListingTest, FindsFoldersAndFlatArchivesAlike) {
  for (const bool folders : {true, false}) {
    Open(folders);
    PutRange(1, 4090, 4100);
    Pass();
    EXPECT_EQ(Stored(), "1:4090-4100");
    PutRange(1, 4101, 4103);
    Pass();
    EXPECT_EQ(Stored(), "1:4090-4103");
    disk_.Remove("o");
  }
}

TEST_F(WalListingTest, SegmentsThatComeOutOfOrderFillTheirHoles) {
  PutRange(1, 1, 5);
  Put(1, 9);
  Pass();
  EXPECT_EQ(Stored(), "1:1-5 1:9-9");
  PutRange(1, 7, 8);
  PassAfter(60s);
  EXPECT_EQ(Stored(), "1:1-5 1:7-9");
  Put(1, 6);
  PassAfter(60s);
  EXPECT_EQ(Stored(), "1:1-9");
  EXPECT_TRUE(listing_->inventory().confirmed_missing.empty());
}

TEST_F(WalListingTest, AHoleIsConfirmedByADirectLookAndKeepsItsTime) {
  PutRange(1, 1, 5);
  PutRange(1, 8, 9);
  const auto before = clock_.Wall();
  EXPECT_EQ(Pass().confirmed_missing, (std::map<Segment, base::WallTime>{{{1, 6}, before}}));
  EXPECT_EQ(PassAfter(60s).confirmed_missing, (std::map<Segment, base::WallTime>{{{1, 6}, before}}));
  EXPECT_EQ(Pass(true).confirmed_missing, (std::map<Segment, base::WallTime>{{{1, 6}, before}}));
}

TEST_F(WalListingTest, AHoleThatOnlyTheTimelinePathShowsIsLookedIntoWhenItIsNamed) {
  PutRange(1, 1, 5);
  PutRange(2, 8, 9);
  const auto before = clock_.Wall();
  EXPECT_TRUE(Pass().confirmed_missing.empty());
  options_.missing = {{1, 6}};
  EXPECT_EQ(PassAfter(60s).confirmed_missing, (std::map<Segment, base::WallTime>{{{1, 6}, before + 60s}}));
  EXPECT_EQ(PassAfter(60s).confirmed_missing.size(), 1U);
  PutRange(1, 6, 7);
  EXPECT_TRUE(PassAfter(60s).confirmed_missing.empty());
  EXPECT_EQ(Stored(), "1:1-7 2:8-9");
  PassAfter(60s);
  EXPECT_TRUE(listing_->inventory().confirmed_missing.empty()) << "what is there is no hole, whoever names it";
}

TEST_F(WalListingTest, AHoleThatIsFilledLongAfterIsFoundByLooking) {
  // More than a page, so that the re-check is elsewhere.
  PutRange(1, 1, 1500);
  PutRange(1, 1520, 4000);
  Pass();
  PassAfter(3h);  // the re-check's first page
  EXPECT_EQ(Stored(), "1:1-1500 1:1520-4000");
  EXPECT_EQ(listing_->inventory().confirmed_missing.size(), 1U);
  for (int i = 0; i < 3; ++i) Pass();  // pages two to four: the next is the first again
  PutRange(1, 1501, 1519);
  Pass();
  EXPECT_EQ(Stored(), "1:1-4000");
  EXPECT_TRUE(listing_->inventory().confirmed_missing.empty());
}

TEST_F(WalListingTest, LooksIntoFewHolesInEachPassAndIntoAllInTheEnd) {
  for (std::uint64_t number = 1; number <= 41; number += 2) Put(1, number);
  EXPECT_EQ(Pass().confirmed_missing.size(), 8U);
  EXPECT_EQ(PassAfter(60s).confirmed_missing.size(), 16U);
  EXPECT_EQ(PassAfter(60s).confirmed_missing.size(), 20U);
}

TEST_F(WalListingTest, DeletionsAreNoticedWhenTheRecheckComesByThem) {
  PutRange(1, 1, 2500);
  Pass();
  for (std::uint64_t number = 1; number <= 1200; ++number) disk_.Remove(Key(1, number));
  disk_.Remove(Key(1, 2400));
  Pass();  // one page from the front shows 1201 to 2200
  EXPECT_EQ(Stored(), "1:1201-2500");
  Pass();
  EXPECT_EQ(Stored(), "1:1201-2399 1:2401-2500");
  EXPECT_EQ(listing_->inventory().confirmed_missing.size(), 1U);
}

TEST_F(WalListingTest, TheLastSegmentOfAPageIsNotForgottenForItsSuffix) {
  // 999 keys, then a backup label that ends the page before its segment's own key.
  PutRange(1, 1, 999);
  Put(1, 1000, ".00000028.backup.gz");
  PutRange(1, 1000, 1300);
  Pass();
  for (int i = 0; i < 4; ++i) {
    Pass();
    EXPECT_EQ(Stored(), "1:1-1300") << i;
    EXPECT_EQ(store_->lists, 2) << i;  // no hole was looked into
  }
}

TEST_F(WalListingTest, EverythingThatIsGoneIsForgotten) {
  PutRange(1, 1, 3);
  Pass();
  disk_.Remove("o/wals/0000000100000000");
  Pass();
  EXPECT_EQ(Stored(), "");
}

TEST_F(WalListingTest, LaterPassesCostTheSameHoweverLongTheHistory) {
  PutRange(1, 1, 10);
  Pass();
  PassAfter(60s);
  const auto few = store_->requests();
  PutRange(1, 11, 3500);
  Pass(true);
  EXPECT_GE(store_->lists, 4);
  for (int i = 0; i < 5; ++i) {
    PassAfter(60s);
    EXPECT_EQ(store_->requests(), few) << i;
  }
  EXPECT_EQ(few, 2);  // what is new, and a page of the old
  EXPECT_EQ(store_->bytes, 0U);
}

TEST_F(WalListingTest, LooksAreLimitedHoweverManyTheHoles) {
  for (std::uint64_t number = 1; number <= 401; number += 2) Put(1, number);
  Pass();
  PassAfter(60s);
  EXPECT_LE(store_->requests(), 2 + 8);
  PassAfter(3h);
  EXPECT_LE(store_->requests(), 2 + 8);
}

TEST_F(WalListingTest, CompressionsMayBeMixedAndTheBestObjectCounts) {
  Put(1, 1, ".gz");
  Put(1, 2, ".zst");
  Put(1, 3, "", kMiB);
  Put(1, 4, ".bz2");
  Put(1, 5, "", 100);  // was cut short, and pushed again compressed
  Put(1, 5, ".lz4");
  Put(1, 6, "", kMiB);
  Put(1, 6, ".gz", 0);
  Put(1, 7, ".tmp");
  EXPECT_TRUE(Pass().bad.empty());
  EXPECT_EQ(Stored(), "1:1-6");
}

TEST_F(WalListingTest, ATruncatedOrEmptySegmentIsBadUntilItIsWhole) {
  PutRange(1, 1, 2);
  Put(1, 3, "", kMiB - 1);
  Put(1, 4, ".gz", 0);
  Put(1, 5, "", kMiB);
  const auto bad = Pass().bad;
  ASSERT_EQ(bad.size(), 2U);
  EXPECT_EQ(bad.at({1, 3}), (cluster::BadSegment{kMiB - 1, bad.at({1, 3}).stored, {}}));
  EXPECT_EQ(bad.at({1, 4}).bytes, 0U);
  EXPECT_EQ(Stored(), "1:1-2 1:5-5");
  Put(1, 3, "", kMiB);
  EXPECT_EQ(PassAfter(60s).bad.size(), 1U);
  disk_.Remove(Key(1, 4));
  EXPECT_TRUE(PassAfter(60s).bad.empty());
  EXPECT_EQ(Stored(), "1:1-3 1:5-5");
}

TEST_F(WalListingTest, AStoredSegmentThatBecomesBadIsNoticed) {
  PutRange(1, 1, 9);
  Pass();
  Put(1, 4, ".gz", 0);
  EXPECT_EQ(PassAfter(60s).bad.size(), 1U);
  EXPECT_EQ(Stored(), "1:1-3 1:5-9");
}

TEST_F(WalListingTest, PartialSegmentsNeverCountAndAreForgotten) {
  PutRange(1, 1, 3);
  Put(1, 4, ".partial.gz");
  EXPECT_TRUE(Pass().partial.contains({1, 4}));
  EXPECT_EQ(Stored(), "1:1-3");
  disk_.Remove(Key(1, 4, ".partial.gz"));
  EXPECT_TRUE(PassAfter(60s).partial.empty());
}

TEST_F(WalListingTest, ANewTimelineAppearsWithItsHistory) {
  PutRange(1, 1, 5);
  Pass();
  PutHistory(2, "1\t0/500000\tno recovery target specified\n");
  PutRange(2, 5, 6);
  Put(1, 5, ".partial.gz");
  Put(1, 6);  // the old primary's rest
  const auto& wal = PassAfter(60s);
  EXPECT_EQ(Stored(), "1:1-6 2:5-6");
  ASSERT_TRUE(wal.histories.contains(2));
  ASSERT_TRUE(wal.histories.at(2).history);
  EXPECT_EQ(wal.histories.at(2).history->switches[0].at, wal::Lsn{0x500000});
}

TEST_F(WalListingTest, AHistoryThatComesAfterItsSegmentsIsFound) {
  PutRange(1, 1, 5);
  PutRange(2, 5, 2000);  // the re-check is busy elsewhere
  EXPECT_TRUE(Pass().histories.empty());
  Pass();
  PutHistory(2, "1\t0/500000\tno recovery target specified\n");
  EXPECT_TRUE(PassAfter(60s).histories.contains(2));
}

TEST_F(WalListingTest, ATimelineBelowAStrayOneIsFound) {
  PutRange(1, 1, 1500);
  PutRange(9, 3, 2000);  // a clone's
  Pass();
  for (int i = 0; i < 2; ++i) PassAfter(60s);
  PutHistory(2, "1\t0/500000\tno recovery target specified\n");
  PutRange(2, 5, 6);
  EXPECT_TRUE(PassAfter(60s).histories.contains(2));
  EXPECT_TRUE(listing_->inventory().stored.Contains({2, 6}));
}

TEST_F(WalListingTest, ADeletedHistoryIsNoticed) {
  PutRange(2, 5, 6);
  PutHistory(2, "1\t0/500000\tno recovery target specified\n");
  EXPECT_TRUE(Pass().histories.contains(2));
  disk_.Remove("o/wals/00000002.history");
  EXPECT_FALSE(PassAfter(60s).histories.contains(2));
}

TEST_F(WalListingTest, AHistoryIsReadWhateverItsSuffixAndOnce) {
  PutRange(2, 5, 6);
  disk_.Put("o/wals/00000002.history.tmp", "half", clock_.Wall());
  PutHistory(2, "1\t0/500000\tno recovery target specified\n");
  Pass();
  EXPECT_EQ(store_->gets, 1);
  EXPECT_TRUE(PassAfter(60s).histories.at(2).history);
  EXPECT_EQ(store_->gets, 0);
  PutHistory(2, "1\t0/600000\tno recovery target specified\n");
  EXPECT_EQ(PassAfter(60s).histories.at(2).history->switches[0].at, wal::Lsn{0x600000});
}

TEST_F(WalListingTest, AHistoryThatIsDeniedOrMakesNoSenseSaysSo) {
  PutRange(3, 5, 6);
  PutHistory(2, "1\t0/500000\tno recovery target specified\n");
  PutHistory(3, "3\tnowhere\n");
  store_->refuse = [](const std::string& key, bool listing) {
    const bool denied = !listing && key.ends_with("00000002.history");
    return denied ? std::optional(base::ErrorKind::kPermission) : std::nullopt;
  };
  const auto& wal = Pass();
  EXPECT_EQ(wal.histories.at(2).error->kind, base::ErrorKind::kPermission);
  EXPECT_EQ(wal.histories.at(3).error->kind, base::ErrorKind::kMalformed);
  store_->refuse = nullptr;
  PassAfter(60s);
  EXPECT_TRUE(listing_->inventory().histories.at(2).history);
  EXPECT_FALSE(listing_->inventory().histories.at(2).error);
}

TEST_F(WalListingTest, AFailedListingLeavesWhatWasKnown) {
  PutRange(1, 1, 9);
  Pass();
  options_.everything = true;
  store_->refuse = [](const std::string&, bool) { return std::optional(base::ErrorKind::kUnavailable); };
  EXPECT_EQ(listing_->Pass(options_).error().kind, base::ErrorKind::kUnavailable);
  EXPECT_EQ(Stored(), "1:1-9");
  store_->refuse = nullptr;
  PutRange(1, 10, 11);
  Pass();
  EXPECT_EQ(Stored(), "1:1-11");
}

TEST_F(WalListingTest, TheSegmentSizeIsReadFromContent) {
  options_.segment_size.reset();
  disk_.Put("o/wals/0000000100000000/000000010000000000000001", SegmentBytes(64 * kMiB, 16 * kMiB), clock_.Wall());
  EXPECT_EQ(Pass().segment_size->bytes(), 64 * kMiB);  // the file was cut short
  EXPECT_EQ(listing_->inventory().bad.size(), 1U);
  EXPECT_LE(store_->bytes, kMiB);
}

TEST_F(WalListingTest, AFileThatTellsNothingIsPassedOver) {
  options_.segment_size.reset();
  disk_.Put("o/wals/0000000100000000/000000010000000000000001.gz", "no gzip", clock_.Wall());
  disk_.Put("o/wals/0000000100000000/000000010000000000000002.gz", "", clock_.Wall());
  EXPECT_FALSE(Pass().segment_size);
  disk_.Put("o/wals/0000000100000000/000000010000000000000003", SegmentBytes(kMiB, kMiB), clock_.Wall());
  EXPECT_EQ(Pass().segment_size->bytes(), kMiB);
}

TEST_F(WalListingTest, ProgressIsTold) {
  PutRange(1, 1, 2100);
  std::vector<std::uint64_t> told;
  options_.progress = [&](std::uint64_t keys) { told.push_back(keys); };
  Pass();
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1000, 2000, 2100}));
}

TEST_F(WalListingTest, EachFileOfASegmentIsTold) {
  Put(1, 1, ".gz", 11);
  Put(1, 1, ".partial", 12);
  Put(1, 2, "", 5);  // not whole, and there all the same
  PutHistory(2, "1\t0/300000\tno recovery target specified\n");
  disk_.Put(Key(1, 1, ".00000028.backup"), "START WAL LOCATION", clock_.Wall());
  disk_.Put("o/wals/README", "a stranger", clock_.Wall());
  std::vector<std::string> told;
  options_.file = [&](const cluster::WalFile& file) {
    told.push_back(std::to_string(file.segment.number) + (file.partial ? " partial " : " ") +
                   std::to_string(file.bytes));
  };
  Pass();
  EXPECT_EQ(told, (std::vector<std::string>{"1 11", "1 partial 12", "2 5"}));
}

TEST_F(WalListingTest, ReadsASegmentAsItWasWritten) {
  disk_.Put(Key(1, 1, ""), SegmentBytes(kMiB, kMiB), clock_.Wall());
  disk_.Put(Key(1, 2, ".snappy"), Fixture("streams/text.snappy"), clock_.Wall());
  disk_.Put(Key(1, 3, ".gz"), "no gzip", clock_.Wall());
  Pass();
  EXPECT_EQ(*listing_->Read({1, 1}, 5s), SegmentBytes(kMiB, kMiB));
  EXPECT_EQ(listing_->Read({1, 2}, 5s)->substr(0, 15), "line 0 of 50\nli");
  EXPECT_EQ(listing_->Read({1, 3}, 5s).error().kind, base::ErrorKind::kMalformed);
  EXPECT_TRUE(listing_->Read({1, 3}, 5s).error().subject.ends_with(Key(1, 3)));
  EXPECT_EQ(listing_->Read({1, 4}, 5s).error().kind, base::ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pgvigil::archive
