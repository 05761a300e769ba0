#include "postgres/handshakes.h"

#include "fakes/postgres_server.h"
#include "session_fixture.h"

namespace pgvigil::postgres {
namespace {

TEST(HandshakeSlotsTest, GivesSlotsInTheOrderOfAskingUrgentOnesFirst) {
  EventLoop loop(base::SystemClock());
  loop.Start();
  std::string order;
  std::vector<std::unique_ptr<HandshakeSlots::Place>> places;
  HandshakeSlots slots(loop, 1);
  loop.Call([&] {
    for (const char name : {'a', 'b', 'c', 'U'}) {
      places.push_back(slots.Ask(name == 'U', [&, name, at = places.size()] {
        order += name;
        EXPECT_TRUE(places[at]->held());
        places[at].reset();
      }));
    }
    EXPECT_TRUE(places[0]->held());
    EXPECT_FALSE(places[1]->held());
    places[1].reset();  // gave up
    places[0].reset();
    EXPECT_EQ(order, "") << "nobody is called from inside a release";
  });
  while (loop.Call([] {}) && order.size() < 2) continue;
  EXPECT_EQ(order, "Uc");
  loop.Call([&] { places.clear(); });
}

TEST(HandshakeSlotsTest, WhoLeavesBetweenGrantAndCallPassesItsSlotOn) {
  EventLoop loop(base::SystemClock());
  loop.Start();
  std::string order;
  HandshakeSlots slots(loop, 1);
  std::unique_ptr<HandshakeSlots::Place> first, second, third;
  loop.Call([&] {
    first = slots.Ask(false, [&] { order += '1'; });
    second = slots.Ask(false, [&] { order += '2'; });
    third = slots.Ask(false, [&] { order += '3'; });
    first.reset();
    second.reset();
  });
  loop.Call([] {});
  EXPECT_EQ(order, "3");
  loop.Call([&] { third.reset(); });
}

class HandshakeTest : public SessionFixture {
 protected:
  // Servers of which each says one byte and nothing more.
  void HalfSilent(int count) {
    for (int i = 0; i < count; ++i) {
      half_silent_.push_back(std::make_unique<fakes::ScriptedServer>([this, own = static_cast<std::size_t>(i)](
                                                                         int connection) {
        fakes::ScriptedServer::Write(connection, "R");
        half_silent_[own]->AwaitHangup(connection);  // each waits for its own end: the first is gone before the last
      }));
    }
  }

  std::vector<std::unique_ptr<fakes::ScriptedServer>> half_silent_;
};

TEST_F(HandshakeTest, ServersThatFallSilentInTheMiddleDoNotStarveTheOthers) {
  HalfSilent(16);
  std::vector<std::future<Greeting>> silent, healthy;
  for (const auto& server : half_silent_) silent.push_back(Begin(To(server->port())));
  while (half_silent_.back()->connections() == 0) std::this_thread::yield();
  std::vector<std::unique_ptr<fakes::PostgresServer>> servers;
  for (int i = 0; i < 10; ++i) {
    servers.push_back(std::make_unique<fakes::PostgresServer>());
    healthy.push_back(Begin(To(servers.back()->port()), 10s));
  }
  for (auto& one : healthy) EXPECT_TRUE(one.get().ok());
  for (auto& one : silent) EXPECT_NE(one.wait_for(0s), std::future_status::ready) << "their deadline is their own";
}

TEST_F(HandshakeTest, AServerThatHangsUpWhileItsSessionWaitsForASlotIsNotAskedOverAndOver) {
  HalfSilent(8);
  std::vector<std::future<Greeting>> silent;
  for (const auto& server : half_silent_) silent.push_back(Begin(To(server->port())));
  while (half_silent_.back()->connections() == 0) std::this_thread::yield();
  silent.front().wait_for(50ms);  // their bytes have come
  fakes::ScriptedServer gone([](int connection) { fakes::ScriptedServer::Write(connection, "R"); });
  auto waiting = Begin(To(gone.port()));
  waiting.wait_for(2s);  // slots are held for a while, and its server is gone
  loop_.Call([&] {
    for (std::size_t i = 0; i < 8; ++i) sessions_[i]->Close();
  });
  EXPECT_EQ(waiting.get().error().kind, base::ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace pgvigil::postgres
