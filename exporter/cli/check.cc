// `pgvigil check`: everything that is wrong with a configuration and with query files, before a server or a person
// finds out.
#include <unistd.h>

#include <cstdio>

#include "cli/check_server.h"
#include "cli/commands.h"
#include "cli/metrics_reference.h"
#include "config/config.h"
#include "query/catalog.h"
#include "query/explain.h"
#include "web/tls.h"
#include "web/web_config.h"

namespace pgvigil::cli {
namespace {

void Print(const std::string& text) { std::fputs(text.c_str(), stdout); }

// As the configuration names it: `serve` would refuse it just as well. A file that is not there is said already.
void CheckWebConfig(const std::string& path, base::Diagnostics& diagnostics) {
  if (path.empty() || access(path.c_str(), R_OK) != 0) return;
  const auto web = web::LoadWebConfig(path, diagnostics);
  if (!web || !web->tls) return;
  if (const auto tls = web::Tls::Check(*web->tls); !tls.ok())
    diagnostics.Error({tls.error().subject.empty() ? path : tls.error().subject, 0, 0}, "", tls.error().message);
}

// Query files named on the command line take the place of the configured or shipped ones.
query::Options QueriesOf(const CheckOptions& check, const config::Config& config) {
  query::Options queries = config.queries;
  if (!check.query_files.empty()) queries.file_sets.clear();
  for (const auto& file : check.query_files) queries.file_sets.push_back({file, "", {}, {}, ""});
  queries.enable_all = !check.query_files.empty() || !check.server.empty() || check.print_metrics;
  return queries;
}

config::Config ReadConfig(const CommonOptions& options, const CheckOptions& check, base::Diagnostics& diagnostics) {
  auto overrides = options.overrides;
  if (!check.server.empty() && overrides.dsns.empty()) overrides.password_file.clear();  // it is for --server
  if (options.config_file.empty() && overrides.dsns.empty()) overrides.dsns.push_back("host=unused");  // none is asked
  auto config = config::Read(options.config_file, overrides, options.executable, diagnostics);
  CheckWebConfig(config.web.config_file, diagnostics);
  return config;
}

}  // namespace

int Check(const CommonOptions& options, const CheckOptions& check) {
  if (check.print_schema || check.print_reference) {
    Print(check.print_schema ? config::JsonSchema() : config::ReferencePage());
    return kFine;
  }
  base::Diagnostics diagnostics;
  const auto config = ReadConfig(options, check, diagnostics);
  const auto catalog = query::Catalog::Load(QueriesOf(check, config), diagnostics);
  if (check.print_metrics) {
    std::fputs(diagnostics.Format().c_str(), stderr);
    if (!diagnostics.HasErrors()) Print(MetricsReference(*catalog));
    return diagnostics.HasErrors() ? kProblem : kFine;
  }
  std::size_t problems = diagnostics.entries().size();
  if (!check.server.empty()) {
    const auto result = CheckServer(*catalog, config.observe.clusters, check.server, options.overrides.password_file);
    if (!result.ok()) {
      std::fprintf(stderr, "%s: %s\n", result.error().subject.c_str(), result.error().message.c_str());
      return kBadConfiguration;
    }
    Print(result->report);
    problems += result->findings;
  } else if (check.explain || !check.query_files.empty()) {
    Print(query::Explain(*catalog));
  }
  for (const auto& hint : query::Hints(*catalog)) Print("hint: " + hint + "\n");
  Print(diagnostics.Format());  // last, where it is seen
  std::printf("%zu queries, %zu problem%s\n", catalog->definitions().size(), problems, problems == 1 ? "" : "s");
  return problems > 0 ? kProblem : kFine;
}

}  // namespace pgvigil::cli
