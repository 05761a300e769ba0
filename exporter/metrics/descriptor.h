// What a metric family is. The exporter's own families are constexpr tables in the module that produces them; the
// reference page docs/metrics.md and the closure test read those tables.
#pragma once

#include <span>
#include <string_view>

namespace pgvigil::metrics {

enum class Type { kGauge, kCounter, kHistogram, kUntyped };
std::string_view Name(Type type);  // "gauge", "counter", ...

// How much of the identity a family carries beside its own labels.
enum class Scope {
  kExporter,  // none: about the exporter itself
  kCluster,   // namespace (where there is one), pg_cluster
  kInstance,  // and pg_instance
};

struct Descriptor {
  std::string_view name;
  Type type;
  Scope scope;
  std::span<const std::string_view> labels;  // beyond identity, in the order in which values are given
  std::string_view help;                     // says unit and origin; one sentence, no full stop at the end
};

}  // namespace pgvigil::metrics
