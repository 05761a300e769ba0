// The text of the compiled-in statements. One row each; aggregates join records with RS (0x1e) and fields with US
// (0x1f), which no name, address or state holds. Times are microseconds since the epoch, LSNs as pg_lsn prints them.
#pragma once

#include <string>

namespace pgvigil::postgres {

std::string FactsSql(int version);
std::string PulseSql();
std::string SettingsSql(int version);

}  // namespace pgvigil::postgres
