// What a set of query files will emit, for a person.
#pragma once

#include <string>

#include "query/catalog.h"

namespace pgvigil::query {

// Per query: where and how often it runs, and its metrics with their types and labels.
std::string Explain(const Catalog& catalog);

}  // namespace pgvigil::query
