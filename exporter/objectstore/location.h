// Where a store is, as backup tools write it: s3://bucket/path. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::objectstore {

struct Location {
  std::string bucket;
  std::string path;  // without "/" at its ends; may be empty
};

// barman-cloud's and CNPG's destinationPath, pgBackRest's and WAL-G's prefixes. gs:// and Azure's addresses are
// `unsupported`, everything else is `malformed`.
base::Result<Location> ParseLocation(std::string_view text);

// Without "/" at its ends.
std::string_view TrimSlashes(std::string_view path);

}  // namespace pgvigil::objectstore
