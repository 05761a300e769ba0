// What a set of query files will emit, for a person.
#pragma once

#include <string>
#include <vector>

#include "query/catalog.h"

namespace pgvigil::query {

// Per query: where and how often it runs, and its metrics with their types and labels.
std::string Explain(const Catalog& catalog);

// Why a query is not run on that server: "for standbys, and this is a primary". Empty if it is.
std::string WhyNot(const Definition& definition, const ServerContext& server);

// What is not wrong and may be meant otherwise, a line each: counters without _total, and supported majors (13 to 18)
// on which a metric is missing between or behind others that have it.
std::vector<std::string> Hints(const Catalog& catalog);

}  // namespace pgvigil::query
