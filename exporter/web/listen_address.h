// A listen address as people write it, and as civetweb wants it.
#pragma once

#include <string>

#include "base/result.h"

namespace pgvigil::web {

// ":9187" (every address), "127.0.0.1:9187", "[::1]:9187" to civetweb's listening_ports, with an "s" behind for TLS.
// Pure.
base::Result<std::string> ListeningPorts(const std::string& listen, bool tls, bool has_ipv6);

// Why nothing can listen there, as the system says it: "Address already in use". Empty if it can, or is no address.
// For civetweb keeps the reason to itself.
std::string WhyNotListening(const std::string& listen);

}  // namespace pgvigil::web
