// Host names to addresses, off the event loop; the last good answer is kept for when name service fails.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace pgvigil::postgres {

// Thread-safe.
class Resolver {
 public:
  // Numeric addresses in the order in which they should be tried. Blocks. If resolution fails, what it yielded last.
  base::Result<std::vector<std::string>> Resolve(const std::string& host);

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> last_good_;
};

}  // namespace pgvigil::postgres
