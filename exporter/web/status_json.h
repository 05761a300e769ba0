// /api/v1/status: the answers and what they rest on, as docs/status.schema.json describes it. What is not known is
// absent. Pure.
#pragma once

#include <string>
#include <string_view>

#include "observe/view.h"
#include "web/status.h"

namespace pgvigil::web {

std::string StatusJson(const observe::FleetView& fleet, std::string_view version, const Moment& now);

}  // namespace pgvigil::web
