#include "web/listen_address.h"

#include <arpa/inet.h>

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

}  // namespace pgvigil::web
