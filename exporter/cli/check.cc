// `pgvigil check`: everything that is wrong with a configuration and with query files, before a server or a person
// finds out.
#include <cstdio>

#include "cli/check_server.h"
#include "cli/commands.h"
#include "cli/metrics_reference.h"
#include "config/config.h"
#include "query/catalog.h"
#include "query/explain.h"
#include "web/web_config.h"

namespace pgvigil::cli {
namespace {

void Print(const std::string& text) { std::fputs(text.c_str(), stdout); }

// Whether queries that are off by default count as well.
enum class WithDisabled { kNo, kYes };

// With the web configuration that it names: `serve` would refuse that one just as well.
std::shared_ptr<const config::Config> LoadConfig(const CommonOptions& options, const config::Overrides& overrides,
                                                 base::Diagnostics& diagnostics) {
  auto config = config::Load(options.config_file, overrides, options.executable, diagnostics);
  if (config && !config->web.config_file.empty()) web::LoadWebConfig(config->web.config_file, diagnostics);
  return config;
}

// Where the query files come from: the command line, otherwise the configuration, otherwise the shipped ones.
std::shared_ptr<const query::Catalog> LoadQueries(const CommonOptions& options, const CheckOptions& check,
                                                  base::Diagnostics& diagnostics,
                                                  WithDisabled disabled = WithDisabled::kNo) {
  query::Options queries;
  if (!check.query_files.empty()) {
    for (const auto& file : check.query_files) queries.file_sets.push_back({file, ""});
    return query::Catalog::Load(queries, diagnostics);
  }
  config::Overrides overrides = options.overrides;
  if (options.config_file.empty() && overrides.dsns.empty())
    overrides.dsns.push_back("host=unused");  // only the queries are asked for
  const auto config = LoadConfig(options, overrides, diagnostics);
  if (!config) return nullptr;
  queries = config->queries;
  queries.enable_all = disabled == WithDisabled::kYes;
  return query::Catalog::Load(queries, diagnostics);
}

}  // namespace

int Check(const CommonOptions& options, const CheckOptions& check) {
  if (check.print_schema || check.print_reference) {
    Print(check.print_schema ? config::JsonSchema() : config::ReferencePage());
    return kFine;
  }
  base::Diagnostics diagnostics;
  if (check.print_metrics) {
    const auto shipped = LoadQueries(options, check, diagnostics, WithDisabled::kYes);
    if (shipped) Print(MetricsReference(*shipped));
    return shipped ? kFine : kProblem;
  }
  if (!check.query_files.empty() && !options.config_file.empty()) {
    LoadConfig(options, options.overrides, diagnostics);
  }
  const auto catalog = LoadQueries(options, check, diagnostics);
  Print(diagnostics.Format());
  if (!catalog) return kProblem;
  bool findings = !diagnostics.empty();
  if (!check.server.empty()) {
    const auto result = CheckServer(*catalog, check.server, options.overrides.password_file);
    if (!result.ok()) {
      std::fprintf(stderr, "%s: %s\n", result.error().subject.c_str(), result.error().message.c_str());
      return kBadConfiguration;
    }
    Print(result->report);
    findings = findings || result->findings > 0;
  } else {
    Print(query::Explain(*catalog));
  }
  std::printf("%zu queries, %zu problems\n", catalog->definitions().size(), diagnostics.entries().size());
  return findings ? kProblem : kFine;
}

}  // namespace pgvigil::cli
