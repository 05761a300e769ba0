#include "objectstore/s3_address.h"

#include <algorithm>

#include "http/url.h"

namespace pgvigil::objectstore {

bool IsRegionName(std::string_view region) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !region.empty() && region.size() <= 40 && std::all_of(region.begin(), region.end(), fits) &&
         !region.starts_with('-') && !region.ends_with('-');
}

base::Result<Address> AddressOf(const std::string& bucket, const std::string& endpoint, const std::string& region,
                                Addressing addressing) {
  const std::string domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  const auto parsed = http::ParseUrl(endpoint.empty() ? "https://s3." + region + domain : endpoint);
  if (!parsed.ok()) return parsed.error();
  auto url = *parsed;
  if (!url.query.empty()) {
    return base::Error{base::ErrorKind::kMalformed, "expected an endpoint without a query", url.HostAndPort(), {}};
  }
  if (addressing == Addressing::kAutomatic) {
    const bool by_host = endpoint.empty() && bucket.find('.') == std::string::npos;
    addressing = by_host ? Addressing::kVirtualHost : Addressing::kPath;
  }
  std::string path = url.path;
  if (!path.ends_with('/')) path += '/';
  if (addressing == Addressing::kPath) {
    path += http::PercentEncode(bucket) + "/";
  } else {
    const auto host = http::ParseUrl(url.scheme + "://" + bucket + "." + url.Authority());
    if (!host.ok()) return host.error();
    url = *host;
  }
  return Address{url.Origin(), url.Authority(), path};
}

}  // namespace pgvigil::objectstore
