// One attempt to open a connection to one address, as steps on the event loop; and what a PGconn needs around it.
// Source: PostgreSQL manual, libpq, "PQconnectStartParams".
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "postgres/event_loop.h"
#include "postgres/handshakes.h"
#include "postgres/session.h"

namespace pgvigil::postgres {

// A PGconn, its registration with the loop, and the notices it receives. The loop's thread only.
class Connection {
 public:
  // Starts; a failure at once shows in bad().
  Connection(EventLoop& loop, const std::vector<std::pair<std::string, std::string>>& parameters);
  ~Connection();  // closes the socket at once; never waits for the server
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  PGconn* get() const { return connection_; }
  bool bad() const { return PQstatus(connection_) == CONNECTION_BAD; }
  // What the server sent unasked that may be its last word. Other notices and warnings are no reason for an end and are
  // not kept.
  const std::optional<Farewell>& farewell() const { return farewell_; }

  // Waits for those EPOLL* events, 0 for none. `ready` is kept for all later calls and goes along when libpq changes to
  // another socket; without one before the first call nothing is watched.
  void Watch(std::uint32_t events, std::function<void(std::uint32_t)> ready);
  void Watch(std::uint32_t events);

 private:
  static void OnNotice(void* self, const PGresult* notice);

  EventLoop& loop_;
  PGconn* connection_ = nullptr;
  std::optional<Farewell> farewell_;
  std::function<void(std::uint32_t)> ready_;
  WatchId watch_ = 0;
  int socket_ = -1;  // the one watched
  std::uint32_t events_ = 0;
};

// What an error or a notice says, if it may be the server's last word: one that ends the session, or a warning that the
// server does.
std::optional<Farewell> FarewellIn(const PGresult* said);

// What PQconnectStartParams is given. `plain` leaves out the settings in `options`, for poolers that refuse them.
std::vector<std::pair<std::string, std::string>> ConnectParameters(const SessionOptions& options,
                                                                   const std::string& address,
                                                                   const std::string& password, bool plain);
// The settings of a session, by name: sent in the startup packet, or by set_config where that was refused.
std::vector<std::pair<std::string, std::string>> SessionSettings(const SessionOptions& options);

// Why a connection could not be opened. The SQLSTATE, where the server gave one, is read from libpq's message.
base::Error ConnectError(const Connection& connection, const std::string& subject);
// Why an open one was lost.
base::Error LostError(const Connection& connection, const std::string& subject);

}  // namespace pgvigil::postgres
