// Sessions against servers that are none, and the loop below them. What a real server does is in tests/integration.
#include "postgres/session.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "fakes/scripted_server.h"
#include "postgres/sqlstate.h"

namespace pgvigil::postgres {
namespace {

using namespace std::chrono_literals;

class SessionTest : public testing::Test {
 protected:
  void SetUp() override { loop_.Start(); }
  void TearDown() override {
    loop_.Call([this] { session_.reset(); });
  }

  // Connects to that port and waits for the outcome.
  base::Result<ServerGreeting> Connect(int port, base::SteadyTime::duration limit = 20s) {
    SessionOptions options;
    options.dsn = ParseDsn("host=127.0.0.1 user=pgvigil sslmode=disable port=" + std::to_string(port))->front();
    std::promise<base::Result<ServerGreeting>> outcome;
    loop_.Call([&] {
      session_ = std::make_unique<Session>(connector_, options);
      session_->Connect(base::Deadline::After(loop_.clock().Steady(), limit),
                        [&](const base::Result<ServerGreeting>& result) { outcome.set_value(result); });
    });
    return outcome.get_future().get();
  }

  EventLoop loop_{base::SystemClock()};
  Connector connector_{loop_};
  std::unique_ptr<Session> session_;
};

// An ErrorResponse of the protocol: severity, SQLSTATE, message.
std::string Fatal(const std::string& code) {
  const std::string fields = std::string("SFATAL\0", 7) + std::string("VFATAL\0", 7) + "C" + code +
                             std::string(1, '\0') + "Mno\0" + std::string(1, '\0') + std::string(1, '\0');
  std::string message = "E";
  const auto length = static_cast<std::uint32_t>(fields.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(length >> shift & 0xFF);
  return message + fields;
}

TEST_F(SessionTest, AServerThatAcceptsAndSaysNothingEndsAtTheDeadline) {
  fakes::ScriptedServer* self = nullptr;
  fakes::ScriptedServer server([&](int connection) { self->AwaitHangup(connection); });
  self = &server;
  const auto result = Connect(server.port(), 200ms);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, base::ErrorKind::kTimeout);
  EXPECT_EQ(result.error().subject, "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(SessionTest, AServerThatHangsUpIsUnavailable) {
  fakes::ScriptedServer server([](int) {});
  EXPECT_EQ(Connect(server.port()).error().kind, base::ErrorKind::kUnavailable);
}

TEST_F(SessionTest, NobodyThereIsRefused) {
  int port = 0;
  {
    port = fakes::ScriptedServer([](int) {}).port();
  }
  EXPECT_EQ(Connect(port).error().kind, base::ErrorKind::kRefused);
}

TEST_F(SessionTest, ARefusalIsKnownByItsSqlstate) {
  struct Case {
    const char* code;
    base::ErrorKind kind;
  };
  for (const auto& [code, kind] : {Case{"28P01", base::ErrorKind::kAuth}, Case{"57P03", base::ErrorKind::kUnavailable},
                                   Case{"53300", base::ErrorKind::kLimit}, Case{"3D000", base::ErrorKind::kNotFound}}) {
    const std::string answer = Fatal(code);
    fakes::ScriptedServer server([&](int connection) {
      char startup[1024];
      if (read(connection, startup, sizeof startup) > 0) (void)!write(connection, answer.data(), answer.size());
    });
    const auto result = Connect(server.port());
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_EQ(result.error().kind, kind);
  }
}

TEST_F(SessionTest, ClosingCancelsWhatIsUnderWay) {
  fakes::ScriptedServer* self = nullptr;
  fakes::ScriptedServer server([&](int connection) { self->AwaitHangup(connection); });
  self = &server;
  SessionOptions options;
  options.dsn = ParseDsn("host=127.0.0.1 user=pgvigil sslmode=disable port=" + std::to_string(server.port()))->front();
  std::promise<base::Result<ServerGreeting>> outcome;
  loop_.Call([&] {
    session_ = std::make_unique<Session>(connector_, options);
    session_->Connect(base::Deadline::After(loop_.clock().Steady(), 60s),
                      [&](const base::Result<ServerGreeting>& result) { outcome.set_value(result); });
    session_->Close();
  });
  EXPECT_EQ(outcome.get_future().get().error().kind, base::ErrorKind::kCancelled);
}

TEST_F(SessionTest, AfterItsEndNothingIsCalledAnyMore) {
  fakes::ScriptedServer server([](int) {});
  SessionOptions options;
  options.dsn = ParseDsn("host=127.0.0.1 user=pgvigil sslmode=disable port=" + std::to_string(server.port()))->front();
  bool called = false;
  loop_.Call([&] {
    Session session(connector_, options);
    session.Connect(base::Deadline::After(loop_.clock().Steady(), 60s),
                    [&](const base::Result<ServerGreeting>&) { called = true; });
    session.Close();
  });
  loop_.Call([] {});  // whatever was posted before has run
  EXPECT_FALSE(called);
}

TEST(EventLoopTest, RunsWhatIsPostedInOrderAndTimersWhenTheyAreDue) {
  EventLoop loop(base::SystemClock());
  loop.Start();
  std::string order;
  std::promise<void> fired;
  loop.Call([&] {
    EXPECT_TRUE(loop.InLoop());
    loop.After(20ms, [&] {
      order += "c";
      fired.set_value();
    });
    loop.After(10ms, [&] { order += "b"; });
    loop.Cancel(loop.After(5ms, [&] { order += "x"; }));
    loop.Post([&] { order += "a"; });
  });
  fired.get_future().get();
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(loop.InLoop());
  loop.Stop();
  EXPECT_FALSE(loop.Call([] {})) << "a stopped loop runs nothing and says so";
}

TEST(EventLoopTest, AStuckStepShowsAsLag) {
  std::promise<void> entered, leave;  // outlive the loop, which may still be inside wait()
  auto left = leave.get_future();
  EventLoop loop(base::SystemClock());
  loop.Start();
  loop.Post([&] {
    entered.set_value();
    left.wait();
  });
  entered.get_future().get();
  while (loop.lag() < 20ms) std::this_thread::yield();
  leave.set_value();
  ASSERT_TRUE(loop.Call([] {})) << "and it goes on";
}

TEST(SqlstateTest, TellsKindsApart) {
  struct Case {
    const char* code;
    base::ErrorKind kind;
  };
  using base::ErrorKind;
  for (const auto& [code, kind] :
       {Case{"57014", ErrorKind::kTimeout}, Case{"55P03", ErrorKind::kTimeout}, Case{"42501", ErrorKind::kPermission},
        Case{"42P01", ErrorKind::kNotFound}, Case{"42601", ErrorKind::kMalformed}, Case{"22012", ErrorKind::kMalformed},
        Case{"0A000", ErrorKind::kUnsupported}, Case{"57P01", ErrorKind::kUnavailable},
        Case{"40001", ErrorKind::kCancelled}, Case{"XX000", ErrorKind::kInternal}}) {
    EXPECT_EQ(KindOf(code), kind) << code;
  }
}

}  // namespace
}  // namespace pgvigil::postgres
