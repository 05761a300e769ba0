// Numbers out of PostgreSQL's text forms, as the session settings fix them: datestyle ISO, timezone UTC, intervalstyle
// iso_8601. Pure.
// Source: PostgreSQL manual, "Date/Time Output" and "Interval Output"; OIDs from catalog/pg_type.dat.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pgvigil::query {

// By the type's OID: bool 0 or 1, timestamps and dates Unix seconds, intervals seconds (a month is 30 days, a year
// 365.25, as EXTRACT(epoch) has it); the rest must be a number as a whole. Nothing if it is none, and for an infinite
// timestamp: that stands for "never" or "always", and is no moment.
std::optional<double> NumberFromText(std::uint32_t type, std::string_view text);

// Seconds of "PT1H2.5S" (an interval), "1h2m3.5s" or "12ms" (as Go prints them), or of a plain number.
std::optional<double> SecondsFromText(std::string_view text);

// The members of a one-dimensional array of numbers: "{0.1,1,Infinity}". Nothing if any is none.
std::optional<std::vector<double>> NumbersFromArray(std::string_view text);

}  // namespace pgvigil::query
