// How many requests were sent, by operation: pgvigil_objectstore_requests_total{operation}. Tries count, not calls.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace pgvigil::objectstore {

enum class Operation { kList, kGet, kHead, kSts, kContainer, kInstanceMetadata };
inline constexpr std::size_t kOperations = 6;

// The label value.
constexpr std::string_view Name(Operation operation) {
  constexpr std::array<std::string_view, kOperations> kNames = {"list", "get",       "head",
                                                                "sts",  "container", "instance_metadata"};
  return kNames[static_cast<std::size_t>(operation)];
}

// Thread-safe. One for all stores of a process.
class RequestCounts {
 public:
  void Count(Operation operation) { ++counts_[static_cast<std::size_t>(operation)]; }
  std::uint64_t Of(Operation operation) const { return counts_[static_cast<std::size_t>(operation)]; }

 private:
  std::array<std::atomic<std::uint64_t>, kOperations> counts_{};
};

}  // namespace pgvigil::objectstore
