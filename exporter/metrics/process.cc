#include "metrics/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

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

// /proc/self/stat: its fields from the third on, for the second, the name, may hold spaces.
class Stat {
 public:
  enum Field : std::size_t { kThreadCount = 17, kStart = 19, kVirtual = 20, kResident = 21 };

  explicit Stat(int file) {
    const auto length = pread(file, text_.data(), text_.size(), 0);
    if (length <= 0) return;
    fields_ = std::string_view(text_.data(), static_cast<std::size_t>(length));
    const auto end_of_name = fields_.rfind(')');
    fields_.remove_prefix(end_of_name == std::string_view::npos ? fields_.size() : end_of_name + 2);
  }

  std::optional<double> operator[](std::size_t field) const {
    std::string_view rest = fields_;
    for (; field > 0; --field) {
      const auto space = rest.find(' ');
      if (space == std::string_view::npos) return std::nullopt;
      rest.remove_prefix(space + 1);
    }
    std::uint64_t value = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), value).ec != std::errc()) return std::nullopt;
    return static_cast<double>(value);
  }

 private:
  std::array<char, 1024> text_;
  std::string_view fields_;
};

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Linux 6.2 and later tell the count as the size of the directory; before, the size is 0 and they have to be counted.
std::optional<double> OpenFiles(int descriptors) {
  struct stat directory{};
  if (fstat(descriptors, &directory) == 0 && directory.st_size > 0) return static_cast<double>(directory.st_size);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir("/proc/self/fd"), closedir);
  if (!open) return std::nullopt;
  int count = 0;
  while (const auto* entry = readdir(open.get())) count += entry->d_name[0] == '.' ? 0 : 1;
  return count - 1;  // without the one that reads the directory
}

// Once: /proc/stat takes the kernel a millisecond on a large machine, for one line of it.
std::optional<double> StartTime(int stat) {
  const auto start = Stat(stat)[Stat::kStart];
  std::ifstream file("/proc/stat");
  for (std::string line; start && std::getline(file, line);) {
    if (line.starts_with("btime ")) {
      return std::stod(line.substr(6)) + *start / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
  }
  return std::nullopt;
}

}  // namespace

Process::Process()
    : stat_(open("/proc/self/stat", O_RDONLY | O_CLOEXEC)),
      descriptors_(open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      start_time_(StartTime(stat_)) {}

Process::~Process() {
  for (const int file : {stat_, descriptors_}) {
    if (file >= 0) close(file);
  }
}

void Process::AddTo(Families& families) const {
  const auto add = [&](const Descriptor& family, std::optional<double> value) {
    if (value) families.Add(family, {}, {}, *value);
  };
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) add(kCpu, Seconds(used.ru_utime) + Seconds(used.ru_stime));
  const Stat stat(stat_);
  const auto pages = stat[Stat::kResident];
  if (pages) add(kResidentMemory, *pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  add(kVirtualMemory, stat[Stat::kVirtual]);
  add(kThreads, stat[Stat::kThreadCount]);
  add(kStarted, start_time_);
  add(kOpenDescriptors, OpenFiles(descriptors_));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) add(kMostDescriptors, static_cast<double>(limit.rlim_cur));
}

std::span<const Descriptor> Process::Descriptors() { return kProcess; }

}  // namespace pgvigil::metrics
