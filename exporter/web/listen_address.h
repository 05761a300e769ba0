// A listen address as people write it, and as civetweb wants it. Pure but for the question whether civetweb has IPv6.
#pragma once

#include <string>

#include "base/result.h"

namespace pgvigil::web {

// ":9187" (every address), "127.0.0.1:9187", "[::1]:9187" to civetweb's listening_ports, with an "s" behind for TLS.
base::Result<std::string> ListeningPorts(const std::string& listen, bool tls, bool has_ipv6);

}  // namespace pgvigil::web
