// When the bytes came that a worker has just read. A connection may have waited for a worker, in civetweb's queue or in
// the kernel's, and whoever waits at its other end has counted that time: so must a deadline.
// Source: tcp(7), TCP_INFO's tcpi_last_data_recv, in steps of some milliseconds.
#pragma once

#include "base/clock.h"

struct mg_request_info;

namespace pgvigil::web {

// `now`, where the kernel does not say.
base::SteadyTime ArrivedAt(int socket, base::SteadyTime now);

// The socket of a request that is being handled, found by its two ends since civetweb does not give it; -1: not found.
int SocketOf(const mg_request_info& info);

}  // namespace pgvigil::web
