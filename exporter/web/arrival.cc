#include "web/arrival.h"

#include <civetweb.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace pgvigil::web {
namespace {

constexpr int kClosedInARow = 256;  // descriptors are given out from the lowest on: behind so many there is none

// Both ends as civetweb writes them; port 0: it is none of TCP's.
struct End {
  sockaddr_storage address{};
  socklen_t length = sizeof address;

  int port() const {
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return 0;
  }
  bool Is(const char* text) const {
    std::array<char, NI_MAXHOST> host{};
    return getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(), nullptr, 0,
                       NI_NUMERICHOST) == 0 &&
           std::strcmp(host.data(), text) == 0;
  }
};

}  // namespace

base::SteadyTime ArrivedAt(int socket, base::SteadyTime now) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (socket < 0 || getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return now;
  return now - std::chrono::milliseconds(info.tcpi_last_data_recv);
}

int SocketOf(const mg_request_info& info) {
  int closed = 0;
  for (int socket = 3; closed < kClosedInARow; ++socket) {
    End peer, own;
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer.address), &peer.length) != 0) {
      closed = errno == EBADF ? closed + 1 : 0;
      continue;
    }
    closed = 0;
    if (peer.port() != info.remote_port) continue;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&own.address), &own.length) == 0 &&
        own.port() == info.server_port && peer.Is(info.remote_addr))
      return socket;
  }
  return -1;
}

}  // namespace pgvigil::web
