// What answers in JSON share: how moments, figures and names are written, and the parts of an archive. What is not
// known is absent. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "observe/view.h"
#include "verdict/site.h"

namespace pgvigil::web {

using Json = nlohmann::ordered_json;

std::string Moment8601(base::WallTime time);  // "2026-11-23T06:50:22.123456Z"

// Nothing where the value is absent, not finite or empty. Floating-point numbers to the thousandth.
void Put(Json& object, const char* key, const std::optional<base::WallTime>& time);
void Put(Json& object, const char* key, const std::optional<double>& value);
void Put(Json& object, const char* key, const std::optional<std::uint64_t>& value);
void Put(Json& object, const char* key, const std::optional<std::uint32_t>& value);
void Put(Json& object, const char* key, const std::optional<base::Milliseconds>& span);  // in seconds
// Servers, stores and people write names; what is no UTF-8 is replaced.
void Put(Json& object, const char* key, const std::string& text);

// Of a reading with contents and a verdict; the index is that of its windows or backups.
Json WindowJson(const observe::ArchiveReading& reading, const verdict::ArchiveNow& now, std::size_t index);
Json GapJson(const observe::ArchiveReading& reading, const verdict::Gap& gap);
Json BackupJson(const observe::ArchiveReading& reading, std::size_t index);

}  // namespace pgvigil::web
