// The forms in which other programs write moments. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pgvigil::base {

// "2026-01-02T03:04:05Z", with or without a fraction, or with an offset in place of the Z (RFC 3339): listings,
// credentials, Kubernetes objects.
std::optional<WallTime> ParseIsoTime(std::string_view text);
// "Fri, 02 Jan 2026 03:04:05 GMT": headers (RFC 9110, IMF-fixdate).
std::optional<WallTime> ParseHttpDate(std::string_view text);
// "20260102T030405Z": the header x-amz-date; its first eight characters are the day of a signature's scope.
std::string AmzDate(WallTime time);

}  // namespace pgvigil::base
