#include "cli/metrics_reference.h"

#include <set>

#include "cli/families_exporter.h"
#include "metrics/process.h"
#include "scrape/families_archive.h"
#include "scrape/families_cluster.h"
#include "scrape/families_failover.h"
#include "scrape/families_schedule.h"
#include "scrape/families_scrape.h"
#include "scrape/families_source.h"

namespace pgvigil::cli {
namespace {

std::string Row(std::string_view name, metrics::Type type, const std::string& labels, std::string_view help) {
  return "| `" + std::string(name) + "` | " + std::string(metrics::Name(type)) + " | " + labels + " | " +
         std::string(help) + " |\n";
}

std::string_view IdentityOf(metrics::Scope scope) {
  switch (scope) {
    case metrics::Scope::kExporter: return "";
    case metrics::Scope::kCluster: return "cluster";
    case metrics::Scope::kInstance: break;
  }
  return "instance";
}

void AddDescriptors(std::span<const metrics::Descriptor> descriptors, std::string& page) {
  for (const auto& descriptor : descriptors) {
    std::string labels(IdentityOf(descriptor.scope));
    for (const auto label : descriptor.labels)
      labels += std::string(labels.empty() ? "`" : ", `") + std::string(label) + "`";
    page += Row(descriptor.name, descriptor.type, labels, descriptor.help);
  }
}

void AddQueries(const query::Catalog& shipped, std::string& page) {
  std::set<std::string> told;
  for (const auto& definition : shipped.definitions()) {
    std::string labels = "instance";
    for (const auto& column : definition->columns) {
      if (column.usage == query::Usage::kLabel) labels += ", `" + column.label_name + "`";
    }
    for (const auto& column : *definition->block_columns) {
      if (told.insert(column.family).second) page += Row(column.family, column.type, labels, column.help);
    }
  }
}

}  // namespace

std::string MetricsReference(const query::Catalog& shipped) {
  std::string page =
      "# Metrics\n\n"
      "Generated from the descriptors in the code and from the shipped query files by `pgvigil check --print-metrics`; "
      "a test\n"
      "holds both together. In the column of labels, *cluster* stands for `namespace` (only where there is one) and\n"
      "`pg_cluster`, *instance* for those and `pg_instance`. What is unknown is absent, never 0.\n\n"
      "## What pgvigil knows and judges\n\n| family | type | labels | meaning |\n| --- | --- | --- | --- |\n";
  AddDescriptors(scrape::ClusterDescriptors(), page);
  AddDescriptors(scrape::SourceDescriptors(), page);
  AddDescriptors(scrape::ArchiveDescriptors(), page);
  AddDescriptors(scrape::ScheduleDescriptors(), page);
  AddDescriptors(scrape::FailoverDescriptors(), page);
  page += "\n## Scrapes and queries\n\n| family | type | labels | meaning |\n| --- | --- | --- | --- |\n";
  AddDescriptors(scrape::ScrapeDescriptors(), page);
  page += "\n## The exporter itself\n\n| family | type | labels | meaning |\n| --- | --- | --- | --- |\n";
  AddDescriptors(ExporterDescriptors(), page);
  AddDescriptors(scrape::RequestDescriptors(), page);
  AddDescriptors(metrics::Process::Descriptors(), page);
  page += "\n## The shipped query files\n\n| family | type | labels | meaning |\n| --- | --- | --- | --- |\n";
  AddQueries(shipped, page);
  return page;
}

}  // namespace pgvigil::cli
