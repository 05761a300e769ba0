// Reads the columns of a query: what each result column becomes.
#pragma once

#include <string>

#include "base/diagnostics.h"
#include "query/definition.h"
#include "yaml/document.h"

namespace pgvigil::query {

// Fills `columns` and `block_columns` of the definition. `metric_prefix` stands before "_<column>" in every metric
// name, `path` before ".columns" in diagnostics. False if anything was wrong.
bool ReadColumns(const yaml::Node& node, const std::string& metric_prefix, const std::string& path,
                 Definition& definition, base::Diagnostics& diagnostics);

}  // namespace pgvigil::query
