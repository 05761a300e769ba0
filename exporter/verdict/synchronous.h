// How many synchronous standbys a primary asks for.
// Source: PostgreSQL manual, "synchronous_standby_names". Pure.
#pragma once

#include <optional>
#include <string_view>

namespace pgvigil::verdict {

// "FIRST 2 (a, b)", "ANY 1 (*)", "2 (a, b)", "a, b" (one), "" (none). Absent for what PostgreSQL would not take.
std::optional<int> RequiredSynchronousStandbys(std::string_view synchronous_standby_names);

}  // namespace pgvigil::verdict
