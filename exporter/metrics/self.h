// The exporter's own process-wide counters and gauges, held by prometheus-cpp and rendered onto the same page:
// pgvigil_build_info, pgvigil_scrape_*, pgvigil_loop_lag_seconds, pgvigil_config_*, pgvigil_samples_dropped_total,
// process_*. At most 100 series.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "metrics/descriptor.h"
#include "metrics/text_writer.h"

namespace pgvigil::metrics {

// Thread-safe. One a process, made by cli and handed down.
class Self {
 public:
  Self();
  ~Self();
  Self(const Self&) = delete;
  Self& operator=(const Self&) = delete;

  // `label_values` in the order of descriptor.labels. The descriptor must be a counter, respectively a gauge. A wrong
  // number of values, or one name used as both, is a programming mistake and throws std::logic_error.
  void Increment(const Descriptor& counter, std::initializer_list<std::string_view> label_values, double by = 1);
  void Set(const Descriptor& gauge, std::initializer_list<std::string_view> label_values, double value);

  // Everything now, process_* read from /proc at this moment.
  std::vector<PageEntry> Collect() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::metrics
