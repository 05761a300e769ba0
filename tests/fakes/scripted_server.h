// A TCP server that does what a script says: accepts and is silent, sends given bytes, hangs up. Its behaviour is that
// of servers that were stopped, cut off or are none at all; tests/integration does the same with real ones.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace pgvigil::fakes {

// Runs `script` for each connection, one at a time; the connection is closed when it returns.
class ScriptedServer {
 public:
  using Script = std::function<void(int connection)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    listen(listener_, 64);
    thread_ = std::thread([this] { Serve(); });
  }
  ~ScriptedServer() {
    stopping_ = true;
    thread_.join();
    close(listener_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return port_; }
  int connections() const { return connections_; }

  // Waits until the peer has closed or the server is being stopped.
  void AwaitHangup(int connection) const {
    char ignored[4096];
    while (!stopping_) {
      pollfd waiting{connection, POLLIN, 0};
      if (poll(&waiting, 1, 20) > 0 && read(connection, ignored, sizeof ignored) <= 0) return;
    }
  }

  // False when the peer has closed or the server is being stopped before that many bytes have come.
  bool Read(int connection, char* bytes, std::size_t count) const {
    while (count > 0) {
      pollfd waiting{connection, POLLIN, 0};
      if (stopping_) return false;
      if (poll(&waiting, 1, 20) <= 0) continue;
      const auto got = read(connection, bytes, count);
      if (got <= 0) return false;
      bytes += got;
      count -= static_cast<std::size_t>(got);
    }
    return true;
  }
  // What was not accepted by a peer that is gone is dropped.
  static void Write(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto put = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }

 private:
  void Serve() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      ++connections_;
      script_(connection);
      close(connection);
    }
  }

  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace pgvigil::fakes
