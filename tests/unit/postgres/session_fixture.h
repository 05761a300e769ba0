// A loop, and sessions on it whose outcomes a test waits for.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "postgres/session.h"

namespace pgvigil::postgres {

using namespace std::chrono_literals;

// What became of one statement.
struct Recorded {
  std::uint64_t rows = 0;
  std::uint64_t largest = 0;  // most rows handed over at once
  int ends = 0;
  std::optional<base::Error> error;
};

class RecordingSink final : public ResultSink {
 public:
  explicit RecordingSink(Recorded& into) : into_(into) {}
  void OnColumns(std::span<const ResultColumn>) override {}
  void OnRows(const Rows& rows) override {
    into_.rows += rows.size();
    into_.largest = std::max<std::uint64_t>(into_.largest, rows.size());
  }
  void OnDone(const Outcome& outcome) override {
    ++into_.ends;
    into_.error = outcome.error;
  }

 private:
  Recorded& into_;
};

class SessionFixture : public testing::Test {
 protected:
  using Greeting = base::Result<ServerGreeting>;

  void SetUp() override { loop_.Start(); }
  void TearDown() override {
    loop_.Call([this] { sessions_.clear(); });
  }

  static SessionOptions To(int port) {
    SessionOptions options;
    options.dsn = ParseDsn("host=127.0.0.1 user=pgvigil sslmode=disable port=" + std::to_string(port))->front();
    return options;
  }

  // Begins to connect one more session; the outcome comes with the future.
  std::future<Greeting> Begin(const SessionOptions& options, base::SteadyTime::duration limit = 20s) {
    auto outcome = std::make_shared<std::promise<Greeting>>();
    auto future = outcome->get_future();
    loop_.Call([&] {
      sessions_.push_back(std::make_unique<Session>(connector_, options));
      sessions_.back()->Connect(base::Deadline::After(loop_.clock().Steady(), limit),
                                [outcome](const Greeting& result) { outcome->set_value(result); });
    });
    return future;
  }
  Greeting Connect(int port, base::SteadyTime::duration limit = 20s) { return Begin(To(port), limit).get(); }

  // Runs segments on the newest session.
  base::Status Execute(std::vector<Segment> segments, base::SteadyTime::duration limit = 20s) {
    std::promise<base::Status> outcome;
    loop_.Call([&] {
      sessions_.back()->Execute(std::move(segments), base::Deadline::After(loop_.clock().Steady(), limit),
                                [&](const base::Status& status) { outcome.set_value(status); });
    });
    return outcome.get_future().get();
  }
  static Execution Statement(const std::string& name, Recorded& into,
                             std::optional<base::Milliseconds> timeout = std::nullopt) {
    return {name, "SELECT 1 AS " + name, {}, timeout, std::make_shared<RecordingSink>(into)};
  }

  EventLoop loop_{base::SystemClock()};
  Connector connector_{loop_};
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace pgvigil::postgres
