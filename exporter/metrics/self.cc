#include "metrics/self.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "metrics/families.h"

namespace pgvigil::metrics {
namespace {

constexpr std::array kProcess = {
    Descriptor{"process_cpu_seconds_total",
               Type::kCounter,
               Scope::kExporter,
               {},
               "User and system CPU time spent, in seconds"},
    Descriptor{"process_resident_memory_bytes", Type::kGauge, Scope::kExporter, {}, "Resident memory, in bytes"},
    Descriptor{"process_virtual_memory_bytes", Type::kGauge, Scope::kExporter, {}, "Virtual memory, in bytes"},
    Descriptor{
        "process_start_time_seconds", Type::kGauge, Scope::kExporter, {}, "Start of the process, in Unix seconds"},
    Descriptor{"process_open_fds", Type::kGauge, Scope::kExporter, {}, "Open file descriptors"},
    Descriptor{"process_max_fds", Type::kGauge, Scope::kExporter, {}, "Limit of open file descriptors"},
    Descriptor{"process_threads", Type::kGauge, Scope::kExporter, {}, "Threads of the process"},
};

// The fields of /proc/self/stat from the third on (proc(5)); the second, the name, may hold spaces.
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos) return {};
  std::istringstream rest(line.substr(end_of_name + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

// Whatever /proc does not tell is absent.
void AddProcess(Families& families) {
  const auto fields = StatFields();
  constexpr std::size_t kUserTime = 11, kSystemTime = 12, kThreads = 17, kStart = 19, kVirtual = 20, kResident = 21;
  const auto field = [&](std::size_t i) { return std::stod(fields[i]); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (fields.size() > kResident) {
    families.Add(kProcess[0], {}, {}, (field(kUserTime) + field(kSystemTime)) / ticks);
    families.Add(kProcess[1], {}, {}, field(kResident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    families.Add(kProcess[2], {}, {}, field(kVirtual));
    if (const auto boot = BootTime()) families.Add(kProcess[3], {}, {}, *boot + field(kStart) / ticks);
    families.Add(kProcess[6], {}, {}, field(kThreads));
  }
  std::error_code problem;
  const auto open = std::distance(std::filesystem::directory_iterator("/proc/self/fd", problem), {});
  if (!problem) families.Add(kProcess[4], {}, {}, static_cast<double>(open));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) families.Add(kProcess[5], {}, {}, static_cast<double>(limit.rlim_cur));
}

}  // namespace

struct Self::Impl {
  prometheus::Registry registry;
};

namespace {

prometheus::Labels ToLabels(const Descriptor& descriptor, std::initializer_list<std::string_view> values) {
  if (values.size() != descriptor.labels.size())
    throw std::logic_error(std::string(descriptor.name) + ": wrong number of label values");
  prometheus::Labels labels;
  auto name = descriptor.labels.begin();
  for (const auto value : values) labels.emplace(std::string(*name++), std::string(value));
  return labels;
}

}  // namespace

Self::Self() : impl_(std::make_unique<Impl>()) {}
Self::~Self() = default;

void Self::Increment(const Descriptor& counter, std::initializer_list<std::string_view> label_values, double by) {
  // Register finds the family that is there already.
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
    BlockBuilder block(std::make_shared<const std::vector<Column>>(
        std::vector<Column>{{family.name, family.name, counter ? Type::kCounter : Type::kGauge, family.help}}));
    for (const auto& metric : family.metric) {
      std::string labels;
      for (const auto& label : metric.label) AppendLabel(labels, label.name, label.value);
      block.StartRow(labels);
      block.Set(0, counter ? metric.counter.value : metric.gauge.value);
    }
    entries.push_back({std::move(block).Finish(), {}});
  }
  Families process;
  AddProcess(process);
  for (auto& entry : std::move(process).Finish()) entries.push_back(std::move(entry));
  return entries;
}

std::span<const Descriptor> Self::ProcessDescriptors() { return kProcess; }

}  // namespace pgvigil::metrics
