// An archive in a temporary directory, written as a tool would have left it: keys, sizes and upload times.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "archive/reader.h"
#include "fakes/counting_store.h"
#include "fakes/manual_clock.h"
#include "objectstore/directory.h"

namespace pgvigil::archive {

constexpr std::uint64_t kMiB = 1 << 20;

inline std::string Fixture(const std::string& name) {
  std::ifstream file(std::string(PGVIGIL_SOURCE_DIR) + "/tests/unit/archive/fixtures/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "2026-11-23T06:50:03Z"
inline base::WallTime At(const std::string& text) {
  int year = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0, day = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second), 6) << text;
  return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) +
         std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

// The first page of a segment, as far as readers look at it, and zeros up to `bytes`.
inline std::string SegmentBytes(std::uint32_t segment_size, std::size_t bytes, std::uint32_t timeline = 1,
                                std::uint64_t system_identifier = 7711255548013778207) {
  std::string segment;
  const auto put = [&](std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) segment += static_cast<char>(i < 8 ? value >> (8 * i) & 0xFF : 0);
  };
  put(0xD110, 2);
  put(2, 2);
  put(timeline, 4);
  put(0, 16);
  put(system_identifier, 8);
  put(segment_size, 4);
  put(8192, 4);
  segment.resize(bytes, '\0');
  return segment;
}

class ArchiveOnDisk {
 public:
  ArchiveOnDisk() {
    auto path = (std::filesystem::temp_directory_path() / "archive-XXXXXX").string();
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    root_ = path;
  }
  ~ArchiveOnDisk() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  ArchiveOnDisk(const ArchiveOnDisk&) = delete;
  ArchiveOnDisk& operator=(const ArchiveOnDisk&) = delete;

  void Put(const std::string& key, const std::string& content, base::WallTime at) {
    const auto path = root_ / key;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    Stamp(path, at);
  }
  // Holes are free: a file of zeros.
  void PutSize(const std::string& key, std::uint64_t size, base::WallTime at) {
    Put(key, {}, at);
    std::filesystem::resize_file(root_ / key, size);
    Stamp(root_ / key, at);
  }
  // Lines "size time key"; uploads that were never ended ("MPU") are no objects.
  void PutListing(const std::string& listing) {
    std::istringstream lines(listing);
    std::string size, time, key;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream(line) >> size >> time >> key;
      if (size != "MPU") PutSize(key, std::stoull(size), At(time));
    }
  }
  void Remove(const std::string& key) { EXPECT_GT(std::filesystem::remove_all(root_ / key), 0U) << key; }
  const std::filesystem::path& root() const { return root_; }

  std::shared_ptr<fakes::CountingStore> Open() const {
    return std::make_shared<fakes::CountingStore>(objectstore::OpenDirectory(root_.string()));
  }

 private:
  static void Stamp(const std::filesystem::path& path, base::WallTime at) {
    const auto micros = at.time_since_epoch().count();
    const timespec time{micros / 1000000, micros % 1000000 * 1000};
    const timespec times[2] = {time, time};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  std::filesystem::path root_;
};

inline std::string Hex8(std::uint64_t value) {
  char text[9];
  std::snprintf(text, sizeof(text), "%08X", static_cast<unsigned>(value));
  return text;
}

}  // namespace pgvigil::archive
