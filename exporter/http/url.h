// Addresses of HTTP servers and the percent-encoding of their parts. Source: RFC 3986. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::http {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower-case; an IPv6 address in its brackets
  std::uint16_t port = 0;
  std::string path;   // as written; "/" where there is none
  std::string query;  // as written, without the "?"

  bool IsDefaultPort() const { return port == (scheme == "https" ? 443 : 80); }
  // What the header Host says: the port only where it is not the scheme's own.
  std::string Authority() const;
  // "host:port": for error messages.
  std::string HostAndPort() const { return host + ":" + std::to_string(port); }
  // "https://host[:port]", without a path.
  std::string Origin() const { return scheme + "://" + Authority(); }
};

// http:// and https:// only. User names and passwords in it are refused: they would end up in messages.
base::Result<Url> ParseUrl(std::string_view text);

// Everything but RFC 3986's unreserved characters becomes %XX, upper-case; kPath leaves "/" as it is.
enum class Encode { kEverything, kPath };
std::string PercentEncode(std::string_view text, Encode how = Encode::kEverything);
// What follows no "%" of a pair of digits stays as it is; with `form`, "+" is a space.
std::string PercentDecode(std::string_view text, bool form = false);

}  // namespace pgvigil::http
