// What a judgement costs: after every observation, after every reading of an archive, and once more for every page. A
// primary, two standbys of which one is cut off, and a position clock that is full.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "verdict/site.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {
namespace {

using std::chrono::seconds;

constexpr int kTwoDays = 48 * 3600;

base::SteadyTime At(int second) { return base::SteadyTime(seconds(second)); }

wal::Lsn FlushedAt(int second) { return {1'000'000'000 + 10'000ULL * static_cast<unsigned>(second)}; }

cluster::InstanceFacts Standby(int position_of, int second) {
  cluster::InstanceFacts facts;
  facts.received = At(second);
  facts.role = cluster::Role::kStandby;
  facts.timeline = 1;
  facts.received_lsn = facts.replayed = FlushedAt(position_of);
  return facts;
}

cluster::InstanceFacts Primary(int second) {
  cluster::InstanceFacts facts;
  facts.received = At(second);
  facts.timeline = 1;
  facts.flushed = FlushedAt(second);
  facts.next_xid = static_cast<unsigned>(second);
  for (const char* name : {"orders-2", "orders-3"}) facts.walsenders.emplace_back().application_name = name;
  return facts;
}

cluster::ClusterState State() {
  cluster::ClusterState state;
  state.name.name = "orders";
  for (const auto& facts : {Primary(kTwoDays), Standby(kTwoDays, kTwoDays), Standby(kTwoDays / 2, kTwoDays)}) {
    auto& instance = state.instances.emplace_back();
    instance.name = "orders-" + std::to_string(state.instances.size());
    instance.sql.up = true;
    instance.facts = std::make_shared<const cluster::InstanceFacts>(facts);
    instance.settings = std::make_shared<const cluster::InstanceSettings>();
  }
  return state;
}

cluster::PositionClock FullClock() {
  cluster::PositionClock clock;
  for (int second = 0; second <= kTwoDays; ++second) {
    clock.Add({At(second), {}, 1, FlushedAt(second), static_cast<unsigned>(second)});
  }
  return clock;
}

void JudgeAnObservation(benchmark::State& bench) {
  const auto state = State();
  const auto clock = FullClock();
  auto verdict = Judge(state, clock, At(kTwoDays), {}, nullptr);
  for (auto _ : bench) verdict = Judge(state, clock, At(kTwoDays), {}, &verdict);
  bench.counters["samples"] = static_cast<double>(clock.size());
}

void JudgeForAPage(benchmark::State& bench) {
  const auto verdict = Judge(State(), FullClock(), At(kTwoDays), {}, nullptr);
  for (auto _ : bench) benchmark::DoNotOptimize(At(verdict, At(kTwoDays + 1)));
}

void AddASample(benchmark::State& bench) {
  auto clock = FullClock();
  int second = kTwoDays;
  for (auto _ : bench) {
    ++second;
    clock.Add({At(second), {}, 1, FlushedAt(second), static_cast<unsigned>(second)});
  }
}

// An archive of `segments`, with a hole before each of as many intervals; a promotion in the middle of every fifth of
// them, with its history; `count` backups evenly over all of it, every seventh a full one that the next six build on.
cluster::ArchiveContents Archive(std::uint64_t segments, std::uint64_t intervals, std::uint64_t count) {
  constexpr std::uint64_t kSize = 16 << 20;
  constexpr std::uint32_t kTimelines = 5;
  cluster::ArchiveContents contents;
  auto& wal = contents.wal;
  wal.segment_size = *wal::SegmentSize::FromBytes(kSize);
  const auto timeline_of = [&](std::uint64_t number) {
    return 1 + static_cast<std::uint32_t>(number * kTimelines / (segments + 1));
  };
  wal::History history;
  for (std::uint64_t number = 1; number <= segments; ++number) {
    const auto timeline = timeline_of(number);
    if (timeline > history.timeline) {
      history.switches.push_back({history.timeline, {number * kSize + kSize / 2}, {}});
      history.timeline = timeline;
      wal.histories[timeline].history = history;
    }
    if (number % (segments / intervals) != 0) wal.stored.Add({timeline, number}, {});
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    auto& backup = contents.catalogue.backups.emplace_back();
    const auto number = 1 + i * (segments - 10) / count;
    backup.id = std::to_string(i);
    backup.outcome = cluster::BackupOutcome::kDone;
    backup.begin = wal::Lsn{number * kSize};
    backup.end = wal::Lsn{number * kSize + 2 * kSize};
    backup.begin_timeline = backup.end_timeline = timeline_of(number);
    backup.begin_time = base::WallTime(std::chrono::hours(i));
    backup.end_time = base::WallTime(std::chrono::hours(i + 1));
    for (auto needed = i - i % 7; needed < i; ++needed) backup.needs.push_back(std::to_string(needed));
  }
  return contents;
}

void JudgeAReading(benchmark::State& bench) {
  const auto contents = Archive(1'000'000, static_cast<std::uint64_t>(bench.range(0)), 1000);
  for (auto _ : bench)
    benchmark::DoNotOptimize(JudgeArchive(contents, {}, {}, base::WallTime(std::chrono::hours(2000))));
  bench.counters["intervals"] = static_cast<double>(contents.wal.stored.interval_count());
}

void JudgeTheSiteForAPage(benchmark::State& bench) {
  auto state = State();
  const auto clock = FullClock();
  const auto cluster = Judge(state, clock, At(kTwoDays), {}, nullptr);
  auto& archive = state.archives.emplace_back();
  const auto contents = Archive(50'000, static_cast<std::uint64_t>(bench.range(0)), 100);
  archive.contents = std::make_shared<const cluster::ArchiveContents>(contents);
  archive.store.last_success_steady = At(kTwoDays - 1);
  const std::vector verdicts{
      std::make_shared<const ArchiveVerdict>(JudgeArchive(contents, {}, {}, base::WallTime(std::chrono::hours(2000))))};
  const std::vector<ArchiveReport> reports(32, {{1, 1}, At(kTwoDays)});  // none of them decided
  for (auto _ : bench) {
    benchmark::DoNotOptimize(JudgeSite(state, cluster, clock, verdicts, reports, At(kTwoDays + 1)));
  }
}

BENCHMARK(JudgeAnObservation)->Unit(benchmark::kMicrosecond);
BENCHMARK(JudgeForAPage)->Unit(benchmark::kMicrosecond);
BENCHMARK(AddASample)->Unit(benchmark::kMicrosecond);
BENCHMARK(JudgeAReading)->Arg(1)->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK(JudgeTheSiteForAPage)->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pgvigil::verdict
