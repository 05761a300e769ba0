// Samples of the exporter's own families, added one by one and finished as one Block: how verdicts become metrics.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "metrics/block.h"
#include "metrics/descriptor.h"
#include "metrics/text_writer.h"

namespace pgvigil::metrics {

// Not thread-safe. One for all clusters of a page: identity is part of what is added.
class Families {
 public:
  // `identity` is label text (see Identity below). `label_values` in the order of descriptor.labels: a different number
  // is a programming mistake and aborts.
  void Add(const Descriptor& descriptor, std::string_view identity,
           std::initializer_list<std::string_view> label_values, double value);
  // A state set: `states` in the descriptor's only label, 1 for `current` and 0 for the others.
  void AddStates(const Descriptor& descriptor, std::string_view identity, std::span<const std::string_view> states,
                 std::string_view current);

  std::vector<PageEntry> Finish() &&;
};

// Label text of an identity. `space` and `instance` are left out where empty.
std::string Identity(std::string_view space, std::string_view cluster, std::string_view instance);

}  // namespace pgvigil::metrics
