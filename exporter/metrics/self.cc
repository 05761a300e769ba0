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

constexpr const Descriptor& kCpu = kProcess[0];
constexpr const Descriptor& kResidentMemory = kProcess[1];
constexpr const Descriptor& kVirtualMemory = kProcess[2];
constexpr const Descriptor& kStarted = kProcess[3];
constexpr const Descriptor& kOpenDescriptors = kProcess[4];
constexpr const Descriptor& kMostDescriptors = kProcess[5];
constexpr const Descriptor& kThreads = kProcess[6];

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

enum StatField : std::size_t {
  kUserTime = 11,
  kSystemTime = 12,
  kThreadCount = 17,
  kStart = 19,
  kVirtual = 20,
  kResident = 21
};

double Ticks(const std::string& field) { return std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK)); }

// In Unix seconds. Read once: /proc/stat takes the kernel a millisecond on a large machine, for one line of it.
std::optional<double> StartTime() {
  const auto fields = StatFields();
  std::ifstream file("/proc/stat");
  for (std::string line; fields.size() > kStart && std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6)) + Ticks(fields[kStart]);
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors() {
  std::error_code problem;
  int count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", problem); !problem && at != end(at);
       at.increment(problem)) {
    ++count;
  }
  if (problem) return std::nullopt;
  return count - 1;  // without the one that reads the directory
}

// Whatever /proc does not tell is absent.
void AddProcess(const std::optional<double>& start_time, Families& families) {
  const auto fields = StatFields();
  if (fields.size() > kResident) {
    families.Add(kCpu, {}, {}, Ticks(fields[kUserTime]) + Ticks(fields[kSystemTime]));
    families.Add(kResidentMemory, {}, {}, std::stod(fields[kResident]) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    families.Add(kVirtualMemory, {}, {}, std::stod(fields[kVirtual]));
    families.Add(kThreads, {}, {}, std::stod(fields[kThreadCount]));
  }
  if (start_time) families.Add(kStarted, {}, {}, *start_time);
  if (const auto open = OpenDescriptors()) families.Add(kOpenDescriptors, {}, {}, *open);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    families.Add(kMostDescriptors, {}, {}, static_cast<double>(limit.rlim_cur));
}

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
  const std::optional<double> start_time = StartTime();
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
  AddProcess(impl_->start_time, process);
  for (auto& entry : std::move(process).Finish()) entries.push_back(std::move(entry));
  return entries;
}

std::span<const Descriptor> Self::ProcessDescriptors() { return kProcess; }

}  // namespace pgvigil::metrics
