#include "cli/metrics_reference.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace pgvigil::cli {
namespace {

TEST(MetricsReferenceTest, IsUpToDate) {
  base::Diagnostics diagnostics;
  query::Options options;
  options.file_sets = {{std::string(PGVIGIL_SOURCE_DIR) + "/queries/*.yaml", ""}};
  options.enable_all = true;
  const auto shipped = query::Catalog::Load(options, diagnostics);
  const auto page = base::ReadFile(std::string(PGVIGIL_SOURCE_DIR) + "/docs/metrics.md", 1 << 20);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(*page + "\n", MetricsReference(*shipped))
      << "write it anew: pgvigil check --print-metrics > docs/metrics.md";
}

}  // namespace
}  // namespace pgvigil::cli
