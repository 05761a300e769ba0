#include "failover/journal.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fakes/manual_clock.h"

namespace pgvigil::failover {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;

const cluster::ClusterName kOrders{"", "orders"};

FailoverEvent Event(FailoverKind kind, int number) {
  FailoverEvent event;
  event.kind = kind;
  event.identity = std::string(cluster::Name(kind)) + "/" + std::to_string(number);
  event.from = "one";
  event.to = "two";
  event.timeline = 2;
  return event;
}

PrimarySeen Seen(std::uint64_t flushed = 1000) {
  PrimarySeen seen;
  seen.instance = "one";
  seen.system_identifier = "7";
  seen.timeline = 1;
  seen.flushed = wal::Lsn{flushed};
  return seen;
}

// A file never grows beyond `bytes` while it lives: what a full disk does, also to root.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    before_signal_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_signal_);
  }

 private:
  rlimit before_{};
  void (*before_signal_)(int);
};

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    std::string pattern = testing::TempDir() + "pgvigil-journal-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/journal";
  }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Journal> Open() {
    return std::make_unique<Journal>(path_, clock_, [this](bool kept) { kept_ = kept; });
  }
  std::string Content(const std::string& suffix = "") const {
    std::ifstream file(path_ + suffix);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void Write(const std::string& text) const { std::ofstream(path_, std::ios::app) << text; }

  fakes::ManualClock clock_;
  std::string folder_, path_;
  std::atomic<bool> kept_ = false;
};

TEST_F(JournalTest, EventsAreCountedByKindAndSurviveTheProcess) {
  {
    auto journal = Open();
    EXPECT_TRUE(journal->History(kOrders)->whole);
    EXPECT_EQ(journal->History(kOrders)->Count(FailoverKind::kFailover), 0U);
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1), Event(FailoverKind::kCrash, 1)}});
    EXPECT_TRUE(journal->Flush().ok());
    EXPECT_TRUE(kept_);
  }
  auto journal = Open();
  const auto history = journal->History(kOrders);
  EXPECT_TRUE(history->whole);
  EXPECT_EQ(history->Count(FailoverKind::kFailover), 1U);
  EXPECT_EQ(history->Count(FailoverKind::kCrash), 1U);
  EXPECT_EQ(history->Count(FailoverKind::kRestart), 0U);
  EXPECT_EQ(*history->Last(FailoverKind::kFailover), Event(FailoverKind::kFailover, 1));
  EXPECT_EQ(history->Last(FailoverKind::kRestart), nullptr);
  EXPECT_EQ(journal->Primary(kOrders), Seen());
  EXPECT_FALSE(journal->Primary({"other", "orders"}));
}

TEST_F(JournalTest, AnEventIsToldOnce) {
  for (int process = 0; process < 3; ++process) {
    auto journal = Open();
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
    EXPECT_EQ(journal->History(kOrders)->Count(FailoverKind::kFailover), 1U);
  }
}

TEST_F(JournalTest, AnEventIsOnDiskWithoutTheProcessEnding) {
  auto journal = Open();
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kSwitchover, 4)}});
  ASSERT_TRUE(journal->Flush().ok());
  EXPECT_NE(Content().find("switchover/4"), std::string::npos);
}

TEST_F(JournalTest, APositionIsWrittenOnceAMinuteAndAtTheEnd) {
  auto journal = Open();
  journal->Take(kOrders, {Seen(1000), {}});
  ASSERT_TRUE(journal->Flush().ok());
  journal->Take(kOrders, {Seen(2000), {}});
  ASSERT_TRUE(journal->Flush().ok());
  EXPECT_EQ(Content().find("0/7D0"), std::string::npos) << "a second is no news";
  clock_.Advance(std::chrono::seconds(61));
  ASSERT_TRUE(journal->Flush().ok());
  EXPECT_NE(Content().find("0/7D0"), std::string::npos);
  journal->Take(kOrders, {Seen(3000), {}});
  journal.reset();
  EXPECT_NE(Content().find("0/BB8"), std::string::npos);
}

TEST_F(JournalTest, APrimaryThatIsMissedIsWrittenAtOnce) {
  auto journal = Open();
  journal->Take(kOrders, {Seen(), {}});
  auto missed = Seen();
  missed.missed = clock_.Wall();
  journal->Take(kOrders, {missed, {}});
  ASSERT_TRUE(journal->Flush().ok());
  EXPECT_NE(Content().find("missed_us"), std::string::npos);
}

TEST_F(JournalTest, ATornLastLineIsCutOff) {
  {
    auto journal = Open();
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  }
  const auto whole = Content();
  Write(R"({"cluster":"orders","event":{"kind":"fail)");
  auto journal = Open();
  EXPECT_EQ(Content(), whole);
  EXPECT_EQ(journal->History(kOrders)->Count(FailoverKind::kFailover), 1U);
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 2)}});
  journal.reset();
  EXPECT_EQ(Open()->History(kOrders)->Count(FailoverKind::kFailover), 2U);
}

TEST_F(JournalTest, ALineThatCannotBeReadCostsOnlyItself) {
  Write("not JSON\n" + Format({kOrders, Event(FailoverKind::kFailover, 1)}) + "\n{}\n\n" +
        Format({kOrders, Event(FailoverKind::kCrash, 1)}) + "\n");
  auto journal = Open();
  EXPECT_TRUE(journal->History(kOrders)->whole);
  EXPECT_EQ(journal->History(kOrders)->events.size(), 2U);
}

TEST_F(JournalTest, OneProcessAtATime) {
  auto first = Open();
  first->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  ASSERT_TRUE(first->Flush().ok());  // both say by `kept_` how it goes
  auto second = Open();
  EXPECT_FALSE(kept_);
  EXPECT_FALSE(second->History(kOrders)->whole) << "a counter would look as if it had been set back";
  second->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1), Event(FailoverKind::kFailover, 2)}});
  EXPECT_FALSE(second->History(kOrders)->whole);
  const auto refused = second->Flush();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("another process"), std::string::npos);
  first.reset();
  EXPECT_TRUE(second->Flush().ok());
  EXPECT_TRUE(kept_);
  EXPECT_TRUE(second->History(kOrders)->whole);
  EXPECT_EQ(second->History(kOrders)->Count(FailoverKind::kFailover), 2U) << "what was told by both is one event";
  second.reset();
  EXPECT_EQ(Open()->History(kOrders)->Count(FailoverKind::kFailover), 2U);
}

TEST_F(JournalTest, AFullDiskKeepsTheFileWholeAndIsTriedAgain) {
  auto journal = Open();
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  ASSERT_TRUE(journal->Flush().ok());
  const auto before = Content();
  {
    const FullDisk full(before.size() + 20);
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 2)}});
    EXPECT_FALSE(journal->Flush().ok());
    EXPECT_EQ(Content(), before) << "no half of a line stays";
    EXPECT_FALSE(kept_);
    EXPECT_EQ(journal->History(kOrders)->Count(FailoverKind::kFailover), 2U);
  }
  EXPECT_TRUE(journal->Flush().ok());
  EXPECT_TRUE(kept_);
  journal.reset();
  EXPECT_EQ(Open()->History(kOrders)->Count(FailoverKind::kFailover), 2U);
}

TEST_F(JournalTest, AFileThatWasDeletedIsWrittenAnewFromMemory) {
  auto journal = Open();
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  ASSERT_TRUE(journal->Flush().ok());
  std::filesystem::remove(path_);
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 2)}});
  ASSERT_TRUE(journal->Flush().ok());
  journal.reset();
  EXPECT_EQ(Open()->History(kOrders)->Count(FailoverKind::kFailover), 2U);
}

TEST_F(JournalTest, AFolderThatAppearsLaterIsFound) {
  path_ = folder_ + "/later/journal";
  auto journal = Open();
  EXPECT_FALSE(kept_);
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  std::filesystem::create_directory(folder_ + "/later");
  EXPECT_TRUE(journal->Flush().ok());
  EXPECT_TRUE(kept_);
  EXPECT_NE(Content().find("failover/1"), std::string::npos);
}

TEST_F(JournalTest, ALongJournalIsWrittenAnewAndForgetsNoCount) {
  constexpr int kMany = 1000;
  {
    auto journal = Open();
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kSwitchover, 0)}});
    for (int i = 0; i < kMany; ++i) {
      auto event = Event(FailoverKind::kRestart, i);
      event.from = std::string(4000, 'x');
      journal->Take(kOrders, {Seen(), {event}});
    }
    ASSERT_TRUE(journal->Flush().ok());
    EXPECT_LE(journal->History(kOrders)->events.size(), 200U);
  }
  EXPECT_LT(Content().size(), 3U << 20);
  EXPECT_FALSE(Content(".1").empty()) << "the former one is kept";
  auto journal = Open();
  const auto history = journal->History(kOrders);
  EXPECT_EQ(history->Count(FailoverKind::kRestart), std::uint64_t{kMany});
  EXPECT_EQ(history->Last(FailoverKind::kRestart)->identity, "restart/999");
  ASSERT_NE(history->Last(FailoverKind::kSwitchover), nullptr) << "the last of its kind stays";
  EXPECT_EQ(journal->Primary(kOrders), Seen());
}

TEST_F(JournalTest, WithoutAPathEventsLastAsLongAsTheProcess) {
  path_.clear();
  auto journal = Open();
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  EXPECT_TRUE(journal->Flush().ok());
  EXPECT_FALSE(kept_) << "nobody is told";
  EXPECT_TRUE(journal->History(kOrders)->whole);
  EXPECT_EQ(journal->History(kOrders)->Count(FailoverKind::kFailover), 1U);
}

class ReadOnlyJournalTest : public JournalTest {
 protected:
  // Root may write where nobody may: the tests of permission need somebody else.
  void SetUp() override {
    if (geteuid() == 0) {
      ASSERT_EQ(chown(folder_.c_str(), kNobody, kNobody), 0);
      ASSERT_EQ(seteuid(kNobody), 0);
      was_root_ = true;
    }
  }
  void TearDown() override {
    if (was_root_) {
      ASSERT_EQ(seteuid(0), 0);
    }
  }

  static constexpr uid_t kNobody = 65534;
  bool was_root_ = false;
};

TEST_F(ReadOnlyJournalTest, WhatCanOnlyBeReadIsReadAndSaid) {
  {
    auto journal = Open();
    journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 1)}});
  }
  chmod(path_.c_str(), 0444);
  auto journal = Open();
  EXPECT_FALSE(kept_);
  EXPECT_TRUE(journal->History(kOrders)->whole);
  journal->Take(kOrders, {Seen(), {Event(FailoverKind::kFailover, 2)}});
  const auto refused = journal->Flush();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, base::ErrorKind::kPermission);
  EXPECT_EQ(journal->History(kOrders)->Count(FailoverKind::kFailover), 2U);
  chmod(path_.c_str(), 0644);
  EXPECT_TRUE(journal->Flush().ok()) << "it became writable";
  journal.reset();
  EXPECT_EQ(Open()->History(kOrders)->Count(FailoverKind::kFailover), 2U);
}

}  // namespace
}  // namespace pgvigil::failover
