// What a large page costs: building its blocks, writing it, compressing it. 100,000 series with four labels each, the
// identity's two among them, on 10 instances; beside prometheus-cpp's own serializer on the same series.
#include <benchmark/benchmark.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "metrics/families.h"
#include "metrics/gzip.h"
#include "metrics/text_writer.h"

namespace pgvigil::metrics {
namespace {

constexpr int kInstances = 10;
constexpr int kFamilies = 200;
constexpr int kSeries = 100'000;
constexpr int kRows = kSeries / (kInstances * kFamilies);

// Counts, sizes, ratios and seconds, as a server has them.
double Value(int i) {
  switch (i % 4) {
    case 0: return i;
    case 1: return 8192.0 * i * i;
    case 2: return i / 7.0;
    default: return 1'700'000'000.0 + i / 1000.0;
  }
}

// `count` families of one query, from the `first` on.
Block::Columns Columns(int first, int count) {
  std::vector<Column> columns;
  for (int c = first; c < first + count; ++c) {
    const auto name = "pg_query_measured_column_" + std::to_string(c);
    columns.push_back({name, name, c % 2 == 0 ? Type::kGauge : Type::kCounter, "What column " + name + " counts"});
  }
  return std::make_shared<const std::vector<Column>>(std::move(columns));
}

std::shared_ptr<const Block> MakeBlock(const Block::Columns& columns, int seed) {
  BlockBuilder builder(columns);
  std::string labels;
  for (int row = 0; row < kRows; ++row) {
    labels.clear();
    AppendLabel(labels, "datname", "database_" + std::to_string(seed % 7));
    AppendLabel(labels, "relname", "table_" + std::to_string(row));
    builder.StartRow(labels);
    for (std::size_t c = 0; c < columns->size(); ++c) builder.Set(c, Value(seed + row * 31 + static_cast<int>(c)));
  }
  return std::move(builder).Finish();
}

// One query on ten databases of one instance: the writer has to look for series that appear twice.
std::vector<PageEntry> EntriesOfDatabases() {
  std::vector<PageEntry> entries;
  for (int first = 0; first < kFamilies; ++first) {
    const auto columns = Columns(first, 1);
    for (int i = 0; i < kInstances; ++i) {
      entries.push_back({MakeBlock(columns, i), Identity({}, "orders", "orders-0")});
    }
  }
  return entries;
}

// The fewer columns a query has, the more label texts there are for the same number of series.
std::vector<PageEntry> Entries(int columns_per_query) {
  std::vector<PageEntry> entries;
  for (int first = 0; first < kFamilies; first += columns_per_query) {
    const auto columns = Columns(first, columns_per_query);
    for (int i = 0; i < kInstances; ++i) {
      entries.push_back({MakeBlock(columns, first + i), Identity({}, "orders", "orders-" + std::to_string(i))});
    }
  }
  return entries;
}

double ResidentMiB() {
  std::ifstream file("/proc/self/statm");
  double pages_in_all = 0;
  double resident = 0;
  file >> pages_in_all >> resident;
  return resident * 4096 / (1 << 20);
}

void BuildBlocks(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Entries(static_cast<int>(state.range(0))));
}

void WritePageOf100000Series(benchmark::State& state) {
  const auto entries = Entries(static_cast<int>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto page = WritePage(entries);
    bytes = page.text.size();
    if (page.series != kSeries) state.SkipWithError("series are missing");
    state.counters["rss_MiB"] = ResidentMiB();
  }
  state.counters["page_MB"] = static_cast<double>(bytes) / 1e6;
}

void WritePageOfDatabases(benchmark::State& state) {
  const auto entries = EntriesOfDatabases();
  for (auto _ : state) benchmark::DoNotOptimize(WritePage(entries));
}

void CompressPage(benchmark::State& state) {
  const auto page = WritePage(Entries(kFamilies / 20));
  std::size_t bytes = 0;
  for (auto _ : state) bytes = Gzip(page.text).size();
  state.counters["gzip_MB"] = static_cast<double>(bytes) / 1e6;
}

// Why Gzip uses the level it does.
void CompressPageAtLevel(benchmark::State& state) {
  const auto page = WritePage(Entries(kFamilies / 20));
  std::vector<Bytef> packed(compressBound(page.text.size()));
  uLongf bytes = 0;
  for (auto _ : state) {
    bytes = packed.size();
    compress2(packed.data(), &bytes, reinterpret_cast<const Bytef*>(page.text.data()), page.text.size(),
              static_cast<int>(state.range(0)));
  }
  state.counters["packed_MB"] = static_cast<double>(bytes) / 1e6;
}

std::vector<prometheus::MetricFamily> PrometheusFamilies() {
  std::vector<prometheus::MetricFamily> families;
  const auto columns = Columns(0, kFamilies);
  for (const auto& column : *columns) {
    prometheus::MetricFamily family{column.family, column.help, prometheus::MetricType::Gauge, {}};
    for (int series = 0; series < kInstances * kRows; ++series) {
      prometheus::ClientMetric metric;
      metric.label = {{"pg_cluster", "orders"},
                      {"pg_instance", "orders-" + std::to_string(series % kInstances)},
                      {"datname", "database_" + std::to_string(series % 7)},
                      {"relname", "table_" + std::to_string(series / kInstances)}};
      metric.gauge.value = Value(series);
      family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
  }
  return families;
}

void TextSerializerOf100000Series(benchmark::State& state) {
  const auto families = PrometheusFamilies();
  std::size_t bytes = 0;
  for (auto _ : state) bytes = prometheus::TextSerializer().Serialize(families).size();
  state.counters["page_MB"] = static_cast<double>(bytes) / 1e6;
}

BENCHMARK(WritePageOf100000Series)->ArgName("columns")->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);
BENCHMARK(WritePageOfDatabases)->Unit(benchmark::kMillisecond);
BENCHMARK(BuildBlocks)->ArgName("columns")->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);
BENCHMARK(CompressPage)->Unit(benchmark::kMillisecond);
BENCHMARK(CompressPageAtLevel)->ArgName("level")->Arg(1)->Arg(2)->Arg(3)->Arg(6)->Unit(benchmark::kMillisecond);
BENCHMARK(TextSerializerOf100000Series)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pgvigil::metrics
