// gzip (RFC 1952) for pages.
#pragma once

#include <string>
#include <string_view>

namespace pgvigil::metrics {

// At the level that docs/performance.md measured as the best trade for pages. Less than 4 GiB. Throws only
// std::bad_alloc.
std::string Gzip(std::string_view text);

}  // namespace pgvigil::metrics
