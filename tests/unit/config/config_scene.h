// A configuration file in a directory of its own, loaded as the program would.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "config/config.h"

namespace pgvigil::config {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_);
    Write("password", "secret\n");
    for (const char* name : {"DATA_SOURCE_NAME", "DATA_SOURCE_URI", "DATA_SOURCE_USER", "DATA_SOURCE_PASS",
                             "DATA_SOURCE_PASS_FILE", "PGHOST", "PGPORT"}) {
      unsetenv(name);
    }
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const auto path = directory_ + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::shared_ptr<const Config> LoadText(const std::string& text) { return LoadFile(Write("c.yaml", text), {}); }

  // Keeps the diagnostics, without the directory.
  std::shared_ptr<const Config> LoadFile(const std::string& path, const Overrides& overrides) {
    base::Diagnostics diagnostics;
    auto config = Load(path, overrides, std::string(PGVIGIL_SOURCE_DIR) + "/CMakeLists.txt", diagnostics);
    problems_ = diagnostics.Format();
    for (auto at = problems_.find(directory_); at != std::string::npos; at = problems_.find(directory_))
      problems_.erase(at, directory_.size());
    EXPECT_EQ(config == nullptr, diagnostics.HasErrors());
    return config;
  }

  const std::string directory_ = testing::TempDir() + "config_test_" + std::to_string(getpid()) + "/";
  std::string problems_;
};

}  // namespace pgvigil::config
