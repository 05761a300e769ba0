// Which host a bucket is asked at, and how an object's path is written. Source: "Virtual hosting of general purpose
// buckets" in the S3 User Guide. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::objectstore {

enum class Addressing {
  kAutomatic,    // kPath with an endpoint or where the bucket's name has a dot (no certificate fits); else kVirtualHost
  kPath,         // https://endpoint/bucket/key
  kVirtualHost,  // https://bucket.endpoint/key
};

struct Address {
  std::string origin;     // "https://host[:port]"
  std::string authority;  // what the header Host says
  std::string base_path;  // percent-encoded, ends with "/": the bucket's root
};

// `endpoint` as configured, "http(s)://host[:port][/path]"; empty: Amazon's for the region.
base::Result<Address> AddressOf(const std::string& bucket, const std::string& endpoint, const std::string& region,
                                Addressing addressing);

// Whether it could be a region's name: what a server names is not put into a host name unseen.
bool IsRegionName(std::string_view region);

}  // namespace pgvigil::objectstore
