#include "metrics/descriptor.h"

namespace pgvigil::metrics {

std::string_view Name(Type type) {
  switch (type) {
    case Type::kGauge: return "gauge";
    case Type::kCounter: return "counter";
    case Type::kHistogram: return "histogram";
    case Type::kUntyped: break;
  }
  return "untyped";
}

}  // namespace pgvigil::metrics
