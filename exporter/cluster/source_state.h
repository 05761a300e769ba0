// Whether one thing that is read (an instance's SQL, an object store) answers, and since when it did last.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace pgvigil::cluster {

struct SourceState {
  bool up = false;
  std::optional<base::WallTime> last_success;
  std::optional<base::SteadyTime> last_success_steady;
  std::optional<base::SteadyTime::duration> duration;  // of the last answer
  std::optional<base::Error> error;                    // why it is not up
};

}  // namespace pgvigil::cluster
