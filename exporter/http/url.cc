#include "http/url.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace pgvigil::http {
namespace {

using base::Error;
using base::ErrorKind;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = Lower(c);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a' + 10);
  return std::nullopt;
}

bool IsHostCharacter(char c) { return IsUnreserved(c) || c == ':' || c == '[' || c == ']'; }

// "host", "host:port", "[address]:port" into the two; false for anything else.
bool SplitAuthority(std::string_view authority, Url& url) {
  if (authority.empty() || !std::all_of(authority.begin(), authority.end(), IsHostCharacter)) return false;
  const auto bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  const auto colon = authority.find(':', bracket);
  url.host = authority.substr(0, colon);
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), Lower);
  if (url.host.empty() || (!authority.starts_with('[') && url.host.find_first_of("[]") != std::string::npos)) {
    return false;
  }
  if (colon == std::string_view::npos) return bracket == 0 || bracket + 1 == authority.size();
  if (bracket != 0 && colon != bracket + 1) return false;
  const auto port = base::ParseInteger<std::uint32_t>(authority.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return false;
  url.port = static_cast<std::uint16_t>(*port);
  return true;
}

}  // namespace

std::string Url::Authority() const { return IsDefaultPort() ? host : HostAndPort(); }

base::Result<Url> ParseUrl(std::string_view text) {
  Url url;
  const auto separator = text.find("://");
  url.scheme = text.substr(0, separator);
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(), Lower);
  if (separator == std::string_view::npos || (url.scheme != "http" && url.scheme != "https")) {
    return Error{ErrorKind::kMalformed, "expected an address such as https://host:port", {}, {}};
  }
  text.remove_prefix(separator + 3);
  const auto end = text.find_first_of("/?#");
  const auto authority = text.substr(0, end);
  if (authority.find('@') != std::string_view::npos) {
    return Error{ErrorKind::kMalformed, "an address takes no user name or password", {}, {}};
  }
  url.port = url.scheme == "https" ? 443 : 80;
  if (!SplitAuthority(authority, url)) {
    return Error{
        ErrorKind::kMalformed, "expected a host, and a port if any, in the address", std::string(authority), {}};
  }
  auto rest = end == std::string_view::npos ? std::string_view() : text.substr(end);
  rest = rest.substr(0, rest.find('#'));
  const auto question = rest.find('?');
  url.path = rest.substr(0, question);
  if (url.path.empty()) url.path = "/";
  if (question != std::string_view::npos) url.query = rest.substr(question + 1);
  return url;
}

std::string PercentEncode(std::string_view text, Encode how) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    if (IsUnreserved(c) || (c == '/' && how == Encode::kPath)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::string PercentDecode(std::string_view text, bool form) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    const auto low = high ? HexDigit(text[i + 2]) : std::nullopt;
    if (low) {
      decoded += static_cast<char>(*high << 4 | *low);
      i += 2;
    } else {
      decoded += form && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace pgvigil::http
