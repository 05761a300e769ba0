// Writes a page in Prometheus' text format 0.0.4: families contiguous across blocks, HELP and TYPE once, HELP escaped
// and made valid UTF-8, numbers in their shortest form that reads back the same (whole ones below 2^53 without an
// exponent), NaN, +Inf and -Inf spelled as Prometheus reads them. Source: "Exposition formats", text-based format,
// version 0.0.4.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "metrics/block.h"

namespace pgvigil::metrics {

inline constexpr std::string_view kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

// A block on a page, and whose it is.
struct PageEntry {
  std::shared_ptr<const Block> block;
  std::string identity;  // `pg_cluster="orders",pg_instance="orders-1"`; empty for the exporter's own
};

// Families in the order of their first appearance. Two blocks may carry the same family (one query on two instances or
// databases); if they disagree on type or help the first wins. Where the same series would appear twice, the first wins
// and `duplicates` counts the rest; only families that occur in more than one block of the same identity are searched.
struct Page {
  std::string text;
  std::size_t series = 0;
  std::size_t duplicates = 0;
  std::string first_duplicate = {};  // the family of the first one
};
Page WritePage(std::span<const PageEntry> entries);

}  // namespace pgvigil::metrics
