// Text of others made fit for a terminal. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgvigil::cli {

// With ? in place of each control character, which a terminal would obey.
std::string Printable(std::string_view text);

}  // namespace pgvigil::cli
