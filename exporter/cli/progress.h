// One line on a terminal that says how far something is; nothing anywhere else. Not thread-safe.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "base/clock.h"

namespace pgvigil::cli {

class Progress {
 public:
  // Draws on `stream` if `on`; at most ten times a second by `clock`, which outlives it.
  Progress(std::FILE* stream, bool on, const base::Clock& clock);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `share`: of all that there is to do, from 0 to 1; absent where that is not known.
  void Show(const std::string& text, std::optional<double> share = std::nullopt);
  // The line is free for something else.
  void Clear();

 private:
  std::FILE* stream_;
  const bool on_;
  const base::Clock& clock_;
  std::optional<base::SteadyTime> shown_;
};

}  // namespace pgvigil::cli
