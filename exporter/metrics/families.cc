#include "metrics/families.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <unordered_map>

namespace pgvigil::metrics {
namespace {

// A descriptor's columns are the same for every page. Thread-safe.
Block::Columns ColumnsOf(const Descriptor& descriptor) {
  static std::shared_mutex mutex;
  static std::unordered_map<std::string_view, Block::Columns> known;  // by names that their columns hold
  {
    const std::shared_lock lock(mutex);
    const auto found = known.find(descriptor.name);
    if (found != known.end()) return found->second;
  }
  const std::string name(descriptor.name);
  auto columns = std::make_shared<const std::vector<Column>>(
      std::vector<Column>{{name, name, descriptor.type, std::string(descriptor.help)}});
  const std::unique_lock lock(mutex);
  return known.emplace(columns->front().family, std::move(columns)).first->second;
}

}  // namespace

void Families::Add(const Descriptor& descriptor, std::string_view identity,
                   std::initializer_list<std::string_view> label_values, double value) {
  if (label_values.size() != descriptor.labels.size()) {
    throw std::logic_error(std::string(descriptor.name) + ": wrong number of label values");
  }
  const auto known = std::find(names_.begin(), names_.end(), descriptor.name);
  const auto at = static_cast<std::size_t>(known - names_.begin());
  if (known == names_.end()) {
    names_.push_back(descriptor.name);
    blocks_.emplace_back(ColumnsOf(descriptor));
  }
  labels_ = identity;
  auto label = descriptor.labels.begin();
  for (const auto label_value : label_values) AppendLabel(labels_, *label++, label_value);
  auto& block = blocks_[at];
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
