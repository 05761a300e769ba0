// What every module that opens files shares: a descriptor that closes itself, and the reason why a call failed.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace pgvigil::base {

// Owns one open file, or none (-1).
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  int get() const { return number_; }
  bool open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// What errno `number` says about `path`: not_found, permission, otherwise unavailable.
Error FileError(int number, const std::string& path);

}  // namespace pgvigil::base
