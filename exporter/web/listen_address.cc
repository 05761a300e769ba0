#include "web/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace pgvigil::web {

base::Result<std::string> ListeningPorts(const std::string& listen, bool tls, bool has_ipv6) {
  const auto malformed = [&](std::string why) {
    return base::Error{base::ErrorKind::kMalformed, std::move(why), listen, {}};
  };
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return malformed("expected an address such as :9187, 127.0.0.1:9187 or [::1]:9187");
  const auto port = base::ParseInteger<std::uint32_t>(std::string_view(listen).substr(colon + 1));
  if (!port || *port > 65535) return malformed("expected a port from 0 to 65535 behind the last colon");
  std::string host = listen.substr(0, colon);
  const std::string number = std::to_string(*port) + (tls ? "s" : "");
  if (host.empty()) return (has_ipv6 ? "+" : "") + number;  // "+" listens on IPv4 and IPv6
  in6_addr six{};
  in_addr four{};
  if (host.starts_with('[') && host.ends_with(']')) {
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six) != 1)
      return malformed("expected an IPv6 address in the brackets");
    if (!has_ipv6) {
      return base::Error{base::ErrorKind::kUnsupported,
                         "this build of civetweb has no IPv6 (Debian 12's has none): listen on an IPv4 address",
                         listen,
                         {}};
    }
    return host + ":" + number;
  }
  if (host == "localhost") host = "127.0.0.1";
  if (inet_pton(AF_INET, host.c_str(), &four) != 1)
    return malformed("expected a numeric address before the port, or none for all addresses");
  return host + ":" + number;
}

std::string WhyNotListening(const std::string& listen) {
  const auto colon = listen.rfind(':');
  const auto port = base::ParseInteger<std::uint32_t>(std::string_view(listen).substr(colon + 1));
  if (colon == std::string::npos || !port || *port > 65535) return "";
  const std::string host = listen.substr(0, colon);
  const auto network_port = htons(static_cast<std::uint16_t>(*port));
  sockaddr_in four{};
  sockaddr_in6 six{};
  four.sin_family = AF_INET;
  four.sin_port = network_port;
  six.sin6_family = AF_INET6;
  six.sin6_port = network_port;
  const bool is_six = host.starts_with('[') && host.ends_with(']') &&
                      inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six.sin6_addr) == 1;
  if (!is_six && !host.empty()) inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &four.sin_addr);
  const int tried = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(tried, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto* address = is_six ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
  const bool bound = bind(tried, address, is_six ? sizeof six : sizeof four) == 0 && ::listen(tried, 1) == 0;
  const int problem = errno;
  close(tried);
  return bound ? "" : std::strerror(problem);
}

}  // namespace pgvigil::web
