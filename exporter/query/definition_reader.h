// Reads the native form of a query file: a map of query names to queries. docs/queries.md describes every field.
#pragma once

#include <memory>
#include <string>

#include "base/diagnostics.h"
#include "query/catalog.h"
#include "query/definition.h"
#include "yaml/document.h"

namespace pgvigil::query {

struct ReadOptions {
  std::string prefix;             // of every metric name
  std::size_t max_series = 2000;  // where a query says nothing
};

// Null if the query is malformed; every reason is in `diagnostics`, with its place and a path that starts with the
// name.
std::shared_ptr<Definition> ReadDefinition(const std::string& id, const yaml::Node& node, const ReadOptions& options,
                                           base::Diagnostics& diagnostics);

// ">=13", "<17", ">=13,<17", "16": majors (or 14.5) compared with the server's version.
base::Result<VersionRange> ParseVersions(std::string_view text);

// Whether it may follow a prefix in a metric name, or be a label's name.
bool IsName(std::string_view text);

}  // namespace pgvigil::query
