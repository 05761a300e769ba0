// Samples of the exporter's own families, added one by one and finished as blocks: how verdicts become metrics.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/block.h"
#include "metrics/descriptor.h"
#include "metrics/text_writer.h"

namespace pgvigil::metrics {

// Not thread-safe. One for all clusters of a page: identity is part of what is added.
class Families {
 public:
  // `identity` is label text (see Identity). `label_values` in the order of descriptor.labels, an empty one leaves its
  // label out; a different number of them is a programming mistake and throws std::logic_error.
  void Add(const Descriptor& descriptor, std::string_view identity,
           std::initializer_list<std::string_view> label_values, double value);
  // A state set: `states` in the descriptor's only label, 1 for `current` and 0 for the others.
  void AddStates(const Descriptor& descriptor, std::string_view identity, std::span<const std::string_view> states,
                 std::string_view current);

  // One block a family, in the order of their first samples.
  std::vector<PageEntry> Finish() &&;

 private:
  std::vector<BlockBuilder> blocks_;
  std::vector<std::string_view> names_;  // of the blocks' families: few enough to be looked through
  std::string labels_;                   // scratch
};

// Label text of an identity. `space` and `instance` are left out where empty.
std::string Identity(std::string_view space, std::string_view cluster, std::string_view instance);

}  // namespace pgvigil::metrics
