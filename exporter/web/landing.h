// The page a person sees under /: what is watched and how it is, in words first. One document, no script, nothing from
// elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "observe/view.h"
#include "web/status.h"

namespace pgvigil::web {

std::string LandingPage(const observe::FleetView& fleet, std::string_view version, const Moment& now);

}  // namespace pgvigil::web
