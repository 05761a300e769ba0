#include "metrics/families.h"

#include <stdexcept>

namespace pgvigil::metrics {

void Families::Add(const Descriptor& descriptor, std::string_view identity,
                   std::initializer_list<std::string_view> label_values, double value) {
  if (label_values.size() != descriptor.labels.size()) {
    throw std::logic_error(std::string(descriptor.name) + ": wrong number of label values");
  }
  const auto [at, is_new] = by_name_.emplace(descriptor.name, blocks_.size());
  if (is_new) {
    const std::string name(descriptor.name);
    blocks_.emplace_back(std::make_shared<const std::vector<Column>>(
        std::vector<Column>{{name, name, descriptor.type, std::string(descriptor.help)}}));
  }
  labels_ = identity;
  auto label = descriptor.labels.begin();
  for (const auto label_value : label_values) AppendLabel(labels_, *label++, label_value);
  auto& block = blocks_[at->second];
  block.StartRow(labels_);
  block.Set(0, value);
}

void Families::AddStates(const Descriptor& descriptor, std::string_view identity,
                         std::span<const std::string_view> states, std::string_view current) {
  for (const auto state : states) Add(descriptor, identity, {state}, state == current ? 1 : 0);
}

std::vector<PageEntry> Families::Finish() && {
  std::vector<PageEntry> entries;
  entries.reserve(blocks_.size());
  for (auto& block : blocks_) entries.push_back({std::move(block).Finish(), {}});
  return entries;
}

std::string Identity(std::string_view space, std::string_view cluster, std::string_view instance) {
  std::string text;
  AppendLabel(text, "namespace", space);
  AppendLabel(text, "pg_cluster", cluster);
  AppendLabel(text, "pg_instance", instance);
  return text;
}

}  // namespace pgvigil::metrics
