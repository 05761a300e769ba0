// What a judgement costs: after every observation, and once more for every page. A primary, two standbys of which one
// is cut off, and a position clock that is full.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

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

BENCHMARK(JudgeAnObservation)->Unit(benchmark::kMicrosecond);
BENCHMARK(JudgeForAPage)->Unit(benchmark::kMicrosecond);
BENCHMARK(AddASample)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pgvigil::verdict
