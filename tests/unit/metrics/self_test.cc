#include "metrics/self.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/text.h"
#include "metrics/process.h"

namespace pgvigil::metrics {
namespace {

constexpr std::array<std::string_view, 2> kLabels = {"reason", "a_detail"};
constexpr Descriptor kDropped{"dropped_total", Type::kCounter, Scope::kExporter, kLabels, "Dropped"};
constexpr Descriptor kLast{"last", Type::kGauge, Scope::kExporter, {}, "Last"};

std::string Text(const Self& self) { return WritePage(self.Collect()).text; }

// The value of the series on the page.
std::optional<double> Find(const Self& self, const std::string& series) {
  const auto text = Text(self);
  for (const auto line : base::Split(text, '\n')) {
    if (line.starts_with(series + ' ')) return base::ParseDouble(line.substr(series.size() + 1));
  }
  return std::nullopt;
}

TEST(SelfTest, CountersAddUpAndGaugesAreReplaced) {
  Self self;
  self.Increment(kDropped, {"value", "x"}, 0);
  self.Increment(kDropped, {"value", "x"});
  self.Increment(kDropped, {"value", "x"}, 2.5);
  self.Increment(kDropped, {"limit", ""});
  self.Set(kLast, {}, 7);
  self.Set(kLast, {}, -1);
  EXPECT_EQ(Find(self, R"(dropped_total{a_detail="x",reason="value"})"), 3.5);
  EXPECT_EQ(Find(self, R"(dropped_total{reason="limit"})"), 1);
  EXPECT_EQ(Find(self, "last"), -1);
  EXPECT_NE(Text(self).find("# TYPE dropped_total counter\n"), std::string::npos);
  EXPECT_NE(Text(self).find("# TYPE last gauge\n"), std::string::npos);
}

TEST(SelfTest, ThePageIsTheSameTwice) {
  Self self;
  for (const char* reason : {"z", "a", "m", "k", "b"}) self.Increment(kDropped, {reason, ""});
  const auto own = [&] {
    const auto text = Text(self);
    return text.substr(0, text.find("# HELP process_"));
  };
  EXPECT_EQ(own(), R"(# HELP dropped_total Dropped
# TYPE dropped_total counter
dropped_total{reason="a"} 1
dropped_total{reason="b"} 1
dropped_total{reason="k"} 1
dropped_total{reason="m"} 1
dropped_total{reason="z"} 1
)");
}

TEST(SelfTest, MistakesOfOursThrow) {
  Self self;
  self.Set(kLast, {}, 1);
  EXPECT_THROW(self.Increment(kDropped, {"too few"}), std::logic_error);
  EXPECT_THROW(self.Increment(Descriptor{"last", Type::kCounter, Scope::kExporter, {}, "Last"}, {}), std::logic_error);
}

TEST(SelfTest, ThreadsMayCountAndCollectAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  Self self;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&self, t] {
      for (int i = 0; i < kRounds; ++i) {
        self.Increment(kDropped, {"value", std::to_string(i % 3)});
        self.Set(kLast, {}, i);
        if (i % 100 == t) self.Collect();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  double sum = 0;
  for (const char* detail : {"0", "1", "2"}) {
    sum += Find(self, std::string(R"(dropped_total{a_detail=")") + detail + R"(",reason="value"})").value_or(0);
  }
  EXPECT_EQ(sum, kThreads * kRounds);
}

TEST(SelfTest, ProcessFiguresAreThoseOfThisProcess) {
  const Self self;
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto started = Find(self, "process_start_time_seconds");
  ASSERT_TRUE(started);
  EXPECT_LE(*started, now + 2);  // the kernel's boot time is in whole seconds
  EXPECT_GT(*started, now - 3600);
  EXPECT_GT(Find(self, "process_resident_memory_bytes").value_or(0), 1 << 20);
  EXPECT_GE(Find(self, "process_virtual_memory_bytes").value_or(0),
            Find(self, "process_resident_memory_bytes").value_or(0));
  EXPECT_GE(Find(self, "process_cpu_seconds_total").value_or(-1), 0);
  EXPECT_GT(Find(self, "process_max_fds").value_or(0), 0);

  const double threads = Find(self, "process_threads").value_or(0);
  std::atomic<bool> stop = false;
  std::thread another([&] { stop.wait(false); });
  EXPECT_EQ(Find(self, "process_threads"), threads + 1);
  stop = true;
  stop.notify_all();
  another.join();
}

int OpenDescriptors() {
  constexpr int kMoreThanAny = 4096;
  int count = 0;
  for (int fd = 0; fd < kMoreThanAny; ++fd) count += fcntl(fd, F_GETFD) == -1 ? 0 : 1;
  return count;
}

TEST(SelfTest, OpenDescriptorsAreCountedWithoutTheOneThatCounts) {
  const Self self;
  EXPECT_EQ(Find(self, "process_open_fds"), OpenDescriptors());
  const int fds[] = {open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY)};
  EXPECT_EQ(Find(self, "process_open_fds"), OpenDescriptors());
  for (const int fd : fds) close(fd);
}

TEST(SelfTest, EveryProcessFamilyIsDescribed) {
  const Self self;
  const auto text = Text(self);
  for (const auto& descriptor : Process::Descriptors()) {
    const auto type = "# TYPE " + std::string(descriptor.name) + ' ' + std::string(Name(descriptor.type)) + '\n';
    EXPECT_NE(text.find(type), std::string::npos) << descriptor.name;
  }
}

}  // namespace
}  // namespace pgvigil::metrics
