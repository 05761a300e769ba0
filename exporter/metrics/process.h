// process_*: what the kernel says of this process (getrusage(2), proc(5)), read anew for every page in a handful of
// system calls. What it does not say is absent.
#pragma once

#include <optional>
#include <span>

#include "metrics/descriptor.h"
#include "metrics/families.h"

namespace pgvigil::metrics {

// Thread-safe.
class Process {
 public:
  Process();
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void AddTo(Families& families) const;

  static std::span<const Descriptor> Descriptors();

 private:
  // Held open: finding them costs more than reading them. -1 where there is no /proc.
  const int stat_;
  const int descriptors_;
  const std::optional<double> start_time_;
};

}  // namespace pgvigil::metrics
