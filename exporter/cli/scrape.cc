// `pgvigil scrape`: one page to standard output, for pipelines and for looking.
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/commands.h"
#include "cli/exporter.h"

namespace pgvigil::cli {
namespace {

bool AllAnswered(const observe::FleetView& fleet, const scrape::Selection& selection) {
  for (const auto& [c, instances] : selection.instances) {
    for (const auto i : instances) {
      if (!fleet[c]->state.instances[i].sql.up) return false;
    }
  }
  return true;
}

}  // namespace

int Scrape(const CommonOptions& options, const ScrapeOptions& wanted) {
  std::signal(SIGPIPE, SIG_IGN);
  base::Diagnostics configuration, queries;
  const auto loaded = Load(options.config_file, options.overrides, options.executable, configuration, queries);
  std::fputs((configuration.Format() + queries.Format()).c_str(), stderr);
  if (!loaded.config) return kBadConfiguration;
  base::ConfigureLogging(loaded.config->log);

  Exporter exporter;
  exporter.Configure(loaded);
  const auto selection = exporter.scraper().Select({wanted.clusters, wanted.targets, wanted.collect});
  if (!selection.ok()) {
    std::fprintf(stderr, "%s: %s\n", selection.error().subject.c_str(), selection.error().message.c_str());
    return kBadConfiguration;
  }
  const auto now = base::SystemClock().Steady();
  const auto deadline = base::Deadline::After(now, loaded.config->scrape.scrape_timeout);
  // A silent instance is waited for, but leaves the others half of the time to be read in.
  exporter.observer().AwaitFirstRound(base::Deadline::After(now, loaded.config->scrape.scrape_timeout / 2));
  const auto page = exporter.scraper().Scrape(*selection, scrape::Encoding::kPlain, deadline);
  std::fwrite(page->data(), 1, page->size(), stdout);
  const bool written = std::fflush(stdout) == 0;
  return written && AllAnswered(exporter.observer().Fleet(), *selection) ? kFine : kProblem;
}

}  // namespace pgvigil::cli
