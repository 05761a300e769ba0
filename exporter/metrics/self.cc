#include "metrics/self.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>
#include <stdexcept>

#include "metrics/families.h"
#include "metrics/process.h"

namespace pgvigil::metrics {
namespace {

prometheus::Labels ToLabels(const Descriptor& descriptor, std::initializer_list<std::string_view> values) {
  if (values.size() != descriptor.labels.size()) {
    throw std::logic_error(std::string(descriptor.name) + ": wrong number of label values");
  }
  prometheus::Labels labels;
  auto name = descriptor.labels.begin();
  for (const auto value : values) labels.emplace(std::string(*name++), std::string(value));
  return labels;
}

}  // namespace

struct Self::Impl {
  prometheus::Registry registry;
  const Process process;
};

Self::Self() : impl_(std::make_unique<Impl>()) {}
Self::~Self() = default;

void Self::Increment(const Descriptor& counter, std::initializer_list<std::string_view> label_values, double by) {
  // Registering again finds the family that is there already.
  auto& family = prometheus::BuildCounter()
                     .Name(std::string(counter.name))
                     .Help(std::string(counter.help))
                     .Register(impl_->registry);
  family.Add(ToLabels(counter, label_values)).Increment(by);
}

void Self::Set(const Descriptor& gauge, std::initializer_list<std::string_view> label_values, double value) {
  auto& family =
      prometheus::BuildGauge().Name(std::string(gauge.name)).Help(std::string(gauge.help)).Register(impl_->registry);
  family.Add(ToLabels(gauge, label_values)).Set(value);
}

std::vector<PageEntry> Self::Collect() const {
  std::vector<PageEntry> entries;
  for (const auto& family : impl_->registry.Collect()) {
    const bool counter = family.type == prometheus::MetricType::Counter;
    std::map<std::string, double> samples;  // in order: the registry hashes, and a page should not change by itself
    for (const auto& metric : family.metric) {
      std::string labels;
      for (const auto& label : metric.label) AppendLabel(labels, label.name, label.value);
      samples.emplace(std::move(labels), counter ? metric.counter.value : metric.gauge.value);
    }
    BlockBuilder block(std::make_shared<const std::vector<Column>>(
        std::vector<Column>{{family.name, family.name, counter ? Type::kCounter : Type::kGauge, family.help}}));
    for (const auto& [labels, value] : samples) {
      block.StartRow(labels);
      block.Set(0, value);
    }
    entries.push_back({std::move(block).Finish(), {}});
  }
  Families process;
  impl_->process.AddTo(process);
  for (auto& entry : std::move(process).Finish()) entries.push_back(std::move(entry));
  return entries;
}

}  // namespace pgvigil::metrics
