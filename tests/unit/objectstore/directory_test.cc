#include "objectstore/directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "objectstore/directory_walk.h"

namespace pgvigil::objectstore {
namespace {

namespace fs = std::filesystem;

base::Deadline Soon() { return base::Deadline::After(base::SystemClock().Steady(), std::chrono::seconds(20)); }

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    // Thousands of files: in memory where that is possible.
    std::string path = (access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : testing::TempDir()) + "store.XXXXXX";
    root_ = mkdtemp(path.data());
    store_ = OpenDirectory(root_ + "/");
  }
  ~DirectoryTest() override { fs::remove_all(root_); }

  void Write(const std::string& key, const std::string& content = "content") const {
    fs::create_directories(fs::path(root_ + "/" + key).parent_path());
    std::ofstream(root_ + "/" + key, std::ios::binary) << content;
  }

  struct Told {
    std::vector<std::string> keys, folders;
    std::vector<std::size_t> pages;
  };
  Told ListAllOf(const ListRequest& request) const {
    Told told;
    const auto listed =
        ListAll(*store_, request, std::chrono::seconds(20), base::SystemClock(), [&](const ListPage& page) {
          for (const auto& object : page.objects) told.keys.push_back(object.key);
          told.folders.insert(told.folders.end(), page.folders.begin(), page.folders.end());
          told.pages.push_back(page.objects.size() + page.folders.size());
          return true;
        });
    EXPECT_TRUE(listed.ok()) << listed.error().message;
    return told;
  }

  using Names = std::vector<std::string>;
  std::string root_;
  std::shared_ptr<Store> store_;
};

TEST_F(DirectoryTest, ListsInByteOrderOfWholeKeys) {
  for (const char* key : {"a/x", "a-b", "a0", "a", "B/1", "\xC3\xA4", "a.d/y"}) {
    if (std::string(key) != "a") Write(key);
  }
  EXPECT_EQ(ListAllOf({}).keys, (Names{"B/1", "a-b", "a.d/y", "a/x", "a0", "\xC3\xA4"}));
}

TEST_F(DirectoryTest, PrefixFoldersAndStartAfterAreThoseOfS3) {
  for (const char* key : {"wals/01/1", "wals/01/2", "wals/02/1", "wals/02.history", "base/x/info", "wals0"}) Write(key);
  struct Case {
    ListRequest request;
    Names keys, folders;
  };
  for (const auto& [request, keys, folders] : std::vector<Case>{
           {{"", true, ""}, {"wals0"}, {"base/", "wals/"}},
           {{"wals", true, ""}, {"wals0"}, {"wals/"}},
           {{"wals/", true, ""}, {"wals/02.history"}, {"wals/01/", "wals/02/"}},
           {{"wals/01/", true, ""}, {"wals/01/1", "wals/01/2"}, {}},
           {{"wals/0", false, ""}, {"wals/01/1", "wals/01/2", "wals/02.history", "wals/02/1"}, {}},
           {{"wals/01/2", false, ""}, {"wals/01/2"}, {}},
           {{"", false, "wals/01/1"}, {"wals/01/2", "wals/02.history", "wals/02/1", "wals0"}, {}},
           {{"wals/", true, "wals/01/1"}, {"wals/02.history"}, {"wals/01/", "wals/02/"}},
           {{"wals/", true, "wals/01\xFF"}, {"wals/02.history"}, {"wals/02/"}},
           {{"wals/", false, "zzz"}, {}, {}},
           {{"none/", false, ""}, {}, {}},
           {{"wals0/", false, ""}, {}, {}},  // a file is no folder
           {{"../", false, ""}, {}, {}},
       }) {
    const auto told = ListAllOf(request);
    EXPECT_EQ(told.keys, keys) << request.prefix << " after " << request.start_after;
    EXPECT_EQ(told.folders, folders) << request.prefix << " after " << request.start_after;
  }
}

TEST_F(DirectoryTest, PagesGoOnWhereTheyEnded) {
  std::set<std::string> all;
  for (int i = 0; i < 1500; ++i) {
    const auto key = "f" + std::to_string(i % 3) + "/" + std::to_string(i);
    Write(key, "");
    all.insert(key);
  }
  for (int i = 0; i < 1100; ++i) fs::create_directories(root_ + "/d/" + std::to_string(i));
  const auto told = ListAllOf({});
  EXPECT_EQ(told.keys, Names(all.begin(), all.end()));
  EXPECT_EQ(told.pages, (std::vector<std::size_t>{1000, 500}));
  const auto folders = ListAllOf({"d/", true, ""});
  EXPECT_EQ(folders.pages, (std::vector<std::size_t>{1000, 100}));
  EXPECT_TRUE(std::is_sorted(folders.folders.begin(), folders.folders.end()));
  EXPECT_EQ(std::set(folders.folders.begin(), folders.folders.end()).size(), 1100u);
}

TEST_F(DirectoryTest, APageCanBeAskedForTwiceAndByAnotherStore) {
  for (int i = 0; i < 1100; ++i) Write("k" + std::to_string(10'000 + i), "");
  for (int i = 0; i < 1100; ++i) fs::create_directories(root_ + "/d/" + std::to_string(10'000 + i));
  for (const auto& request : {ListRequest{"k", false, ""}, ListRequest{"d/", true, ""}}) {
    const auto first = store_->List(request, "", Soon());
    ASSERT_TRUE(first.ok());
    for (int i = 0; i < 2; ++i) {
      const auto second = store_->List(request, first->next, Soon());
      ASSERT_TRUE(second.ok());
      EXPECT_EQ(second->objects.size() + second->folders.size(), 100u);
    }
    const auto other = OpenDirectory(root_)->List(request, first->next, Soon());
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(other->objects.size() + other->folders.size(), 100u);
  }
}

TEST_F(DirectoryTest, LinksFifosAndSocketsAreNotSeen) {
  Write("real/file");
  Write("plain");
  fs::create_symlink(root_ + "/plain", root_ + "/link");
  fs::create_directory_symlink("/etc", root_ + "/etc");
  ASSERT_EQ(mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(ListAllOf({}).keys, (Names{"plain", "real/file"}));
  EXPECT_EQ(ListAllOf({"", true, ""}).folders, Names{"real/"});
  fs::create_directory_symlink(root_ + "/real", root_ + "/alias");
  EXPECT_EQ(ListAllOf({"etc/", false, ""}).keys, Names{});
  EXPECT_EQ(ListAllOf({"alias/fi", false, ""}).keys, Names{});
  EXPECT_EQ(ListAllOf({"etc/ssl/", true, ""}).folders, Names{});
  for (const char* key : {"link", "etc/passwd", "fifo", "real", "", "../x", "real/../plain", "./plain", "/plain",
                          "real//file", "none", "plain/x"}) {
    for (const auto& error : {store_->Get(key, {}, 1 << 20, Soon()).ok(), store_->Head(key, Soon()).ok(),
                              store_->Read(key, [](auto) { return true; }, Soon()).ok()}) {
      EXPECT_FALSE(error) << key;
    }
    EXPECT_EQ(Name(store_->Head(key, Soon()).error().kind), "not_found") << key;
  }
}

TEST_F(DirectoryTest, GetsBytesRangesAndTheirLimits) {
  Write("k", "0123456789");
  const auto get = [&](std::optional<Range> range, std::uint64_t most) {
    return store_->Get("k", range, most, Soon());
  };
  EXPECT_EQ(*get({}, 10), "0123456789");
  EXPECT_EQ(*get(Range{2, 3}, 3), "234");
  EXPECT_EQ(*get(Range{8, 100}, 10), "89");
  EXPECT_EQ(*get(Range{3, 0}, 10), "");
  EXPECT_EQ(Name(get({}, 9).error().kind), "limit");
  EXPECT_EQ(Name(get(Range{0, 5}, 4).error().kind), "limit");
  EXPECT_EQ(Name(get(Range{10, 1}, 4).error().kind), "malformed");
  Write("empty", "");
  EXPECT_EQ(*store_->Get("empty", {}, 0, Soon()), "");
}

TEST_F(DirectoryTest, ReadsLargeFilesInPieces) {
  const std::string content((3 << 20) + 17, 'x');
  Write("large", content);
  std::string got;
  std::size_t largest = 0;
  ASSERT_TRUE(store_
                  ->Read(
                      "large",
                      [&](std::string_view bytes) {
                        largest = std::max(largest, bytes.size());
                        got += bytes;
                        return true;
                      },
                      Soon())
                  .ok());
  EXPECT_TRUE(got == content);
  EXPECT_LE(largest, 1u << 20);
  EXPECT_EQ(Name(store_->Read("large", [](auto) { return false; }, Soon()).error().kind), "cancelled");
}

TEST_F(DirectoryTest, HeadTellsSizeAndTime) {
  Write("a/k", "12345");
  const timespec times[2] = {{1'700'000'000, 123'456'789}, {1'700'000'000, 123'456'789}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ + "/a/k").c_str(), times, 0), 0);
  const auto object = store_->Head("a/k", Soon());
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(object->key, "a/k");
  EXPECT_EQ(object->size, 5u);
  EXPECT_EQ(object->modified.time_since_epoch(), std::chrono::microseconds(1'700'000'000'123'456));
  const auto page = store_->List({}, "", Soon());
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->objects[0].modified, object->modified);
}

TEST_F(DirectoryTest, ADirectoryThatIsNotThereIsNotFoundAndAPrefixIsEmpty) {
  const auto gone = OpenDirectory(root_ + "/none");
  EXPECT_EQ(Name(gone->List({}, "", Soon()).error().kind), "not_found");
  EXPECT_TRUE(store_->List({"none/", false, ""}, "", Soon()).ok());
  EXPECT_EQ(gone->Name(), root_ + "/none");
}

TEST_F(DirectoryTest, WhatMayNotBeReadIsSaidAndNotSkipped) {
  Write("closed/k");
  Write("file");
  chmod((root_ + "/closed").c_str(), 0);
  chmod((root_ + "/file").c_str(), 0);
  chmod(root_.c_str(), 0755);
  const auto before = geteuid();
  if (before == 0) {  // root may read everything
    ASSERT_EQ(seteuid(65534), 0);
  }
  EXPECT_EQ(Name(store_->List({}, "", Soon()).error().kind), "permission");
  EXPECT_EQ(Name(store_->Get("file", {}, 10, Soon()).error().kind), "permission");
  ASSERT_EQ(seteuid(before), 0);
  chmod((root_ + "/closed").c_str(), 0700);
}

TEST_F(DirectoryTest, AFileThatVanishesWhileItIsListedIsLeftOut) {
  for (const char* key : {"a", "b", "c"}) Write(key);
  DirectoryWalk walk(root_, {});
  ASSERT_EQ((*walk.Next(base::SystemClock(), Soon()))->object.key, "a");
  fs::remove(root_ + "/b");
  EXPECT_EQ((*walk.Next(base::SystemClock(), Soon()))->object.key, "c");
  EXPECT_FALSE(*walk.Next(base::SystemClock(), Soon()));
}

TEST_F(DirectoryTest, ADirectoryThatGoesWhileItIsListedIsAFailure) {
  for (const char* key : {"a", "b", "wal/c"}) Write(key);
  DirectoryWalk walk(root_, {}), folder(root_, {}), other(root_, {});
  for (auto* begun : {&walk, &folder, &other}) {
    ASSERT_EQ((*begun->Next(base::SystemClock(), Soon()))->object.key, "a");
  }
  ASSERT_EQ((*folder.Next(base::SystemClock(), Soon()))->object.key, "b");
  fs::rename(root_, root_ + ".away");
  EXPECT_EQ(Name(walk.Next(base::SystemClock(), Soon()).error().kind), "not_found");
  EXPECT_EQ(Name(folder.Next(base::SystemClock(), Soon()).error().kind), "not_found");
  EXPECT_EQ(Name(store_->List({"wal/", false, ""}, "", Soon()).error().kind), "not_found");
  EXPECT_EQ(Name(store_->Head("a", Soon()).error().kind), "unavailable") << "which says nothing of the file";
  fs::create_directory(root_);
  EXPECT_EQ(Name(other.Next(base::SystemClock(), Soon()).error().kind), "unavailable") << "as where it was unmounted";
  fs::remove_all(root_);
  fs::rename(root_ + ".away", root_);
}

TEST_F(DirectoryTest, ADeadlineThatHasPassedIsATimeout) {
  Write("k");
  const base::Deadline passed(base::SystemClock().Steady());
  EXPECT_EQ(Name(store_->List({}, "", passed).error().kind), "timeout");
  EXPECT_EQ(Name(store_->Get("k", {}, 10, passed).error().kind), "timeout");
}

}  // namespace
}  // namespace pgvigil::objectstore
