// Requests out of civetweb's hands, and the head of a response as bytes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "web/server.h"

struct mg_request_info;

namespace pgvigil::web {

Request ReadRequest(const mg_request_info& info, base::SteadyTime received);

// Whether the client would like to ask again on this connection, and can: not with a body, which nobody here reads.
bool WantsToKeepAlive(const mg_request_info& info);

// Status line and headers with the empty line behind. `more` are the web configuration's, which win over ours.
std::string HeadOf(const Response& response, const std::vector<std::pair<std::string, std::string>>& more,
                   const char* reason, bool keep_alive);

}  // namespace pgvigil::web
