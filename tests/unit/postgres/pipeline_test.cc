// A flight against a server whose answers are no real server's. What real ones do is in tests/integration.
#include <gtest/gtest.h>

#include <future>

#include "fakes/scripted_server.h"
#include "postgres/session.h"

namespace pgvigil::postgres {
namespace {

using namespace std::chrono_literals;

// A message of the protocol: type, length, body. Source: PostgreSQL manual, "Message Formats".
std::string Message(char type, const std::string& body) {
  std::string message(1, type);
  const auto length = static_cast<std::uint32_t>(body.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(length >> shift & 0xFF);
  return message + body;
}

std::string Zeros(std::size_t count) { return std::string(count, '\0'); }

// Authentication done, a version, ready for queries.
std::string Welcome() {
  return Message('R', Zeros(4)) + Message('S', "server_version" + Zeros(1) + "13.0" + Zeros(1)) +
         Message('K', Zeros(8)) + Message('Z', "I");
}

class OutcomeSink final : public ResultSink {
 public:
  explicit OutcomeSink(std::promise<Outcome>& outcome) : outcome_(outcome) {}
  void OnColumns(std::span<const ResultColumn>) override {}
  void OnRows(const Rows&) override {}
  void OnDone(const Outcome& outcome) override { outcome_.set_value(outcome); }

 private:
  std::promise<Outcome>& outcome_;
};

TEST(PipelineTest, ACopyThatNobodyAskedForEndsTheSessionAndNotTheLoop) {
  const std::string welcome = Welcome();
  const std::string copies = Message('1', "") + Message('2', "") + Message('H', Zeros(3));  // prepared, bound, copying
  fakes::ScriptedServer* self = nullptr;
  fakes::ScriptedServer server([&](int connection) {
    char taken[4096];
    if (read(connection, taken, sizeof taken) <= 0) return;
    (void)!write(connection, welcome.data(), welcome.size());
    if (read(connection, taken, sizeof taken) <= 0) return;
    (void)!write(connection, copies.data(), copies.size());
    self->AwaitHangup(connection);
  });
  self = &server;
  EventLoop loop{base::SystemClock()};
  Connector connector{loop};
  loop.Start();
  SessionOptions options;
  options.dsn =
      ParseDsn("host=127.0.0.1 user=pgvigil sslmode=disable gssencmode=disable port=" + std::to_string(server.port()))
          ->front();
  std::unique_ptr<Session> session;
  std::promise<Outcome> first, second;
  std::promise<base::Status> flight;
  loop.Call([&] {
    session = std::make_unique<Session>(connector, options);
    const auto deadline = base::Deadline::After(loop.clock().Steady(), 60s);
    session->Connect(deadline, [&, deadline](const base::Result<ServerGreeting>& greeting) {
      ASSERT_TRUE(greeting.ok()) << greeting.error().message;
      std::vector<Segment> segments;
      segments.push_back({{"a", "SELECT 1", {}, std::nullopt, std::make_shared<OutcomeSink>(first)}});
      segments.push_back({{"b", "SELECT 2", {}, std::nullopt, std::make_shared<OutcomeSink>(second)}});
      session->Execute(std::move(segments), deadline, [&](const base::Status& status) { flight.set_value(status); });
    });
  });
  const auto outcome = first.get_future().get();
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->kind, base::ErrorKind::kUnsupported) << outcome.error->message;
  EXPECT_TRUE(second.get_future().get().error.has_value());
  EXPECT_FALSE(flight.get_future().get().ok());
  EXPECT_TRUE(loop.Call([&] { session.reset(); })) << "the loop goes on";
}

}  // namespace
}  // namespace pgvigil::postgres
