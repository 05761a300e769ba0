// `pgvigil audit`: reads whole archives and says what can be restored from them.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/logging.h"
#include "cli/audit_json.h"
#include "cli/audit_reading.h"
#include "cli/audit_text.h"
#include "cli/commands.h"
#include "web/words.h"

namespace pgvigil::cli {
namespace {

using verdict::Soundness;

int Refuse(const std::string& why) {
  std::fprintf(stderr, "pgvigil: %s\n", why.c_str());
  return kBadConfiguration;
}

// Those asked for; empty if there is no such cluster.
std::vector<const observe::ClusterOptions*> Chosen(const config::Config& config, const std::string& cluster) {
  std::vector<const observe::ClusterOptions*> chosen;
  for (const auto& known : config.observe.clusters) {
    if (cluster.empty() || cluster == known.name.name || cluster == web::Qualified(known.name))
      chosen.push_back(&known);
  }
  return chosen;
}

int CodeOf(Soundness soundness) {
  if (soundness == Soundness::kSound) return kFine;
  return soundness == Soundness::kBroken ? kProblem : kUnknown;
}

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

int Audit(const AuditOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  base::Diagnostics diagnostics;
  const auto config = config::Load(options.config_file, {}, options.executable, diagnostics);
  std::fputs(diagnostics.Format().c_str(), stderr);
  if (!config) return kBadConfiguration;
  base::ConfigureLogging(config->log);
  const auto clusters = Chosen(*config, options.cluster);
  if (clusters.empty()) return Refuse("no cluster of the configuration is called \"" + options.cluster + "\"");

  const auto& clock = base::SystemClock();
  const auto at = clock.Wall();
  Progress progress(stderr, isatty(STDERR_FILENO) == 1, clock);
  std::optional<ContentChoice> content;
  if (options.verify) content = ContentChoice{options.backup, options.bandwidth};
  std::vector<ArchiveAudit> audits;
  for (const auto* cluster : clusters) {
    for (const auto& archive : cluster->archives) {
      audits.push_back(ReadForAudit(web::Qualified(cluster->name), archive, {}, content, progress));
      if (!options.json) Print((audits.size() == 1 ? "" : "\n") + AuditText(audits.back()));
    }
  }
  for (const auto* cluster : clusters) {
    if (cluster->archives.empty())
      std::fprintf(stderr, "pgvigil: cluster %s has no archive\n", web::Qualified(cluster->name).c_str());
  }
  if (audits.empty()) return Refuse("no archive is configured: name one under `archive` of the cluster");
  const bool none = std::all_of(audits.begin(), audits.end(), [](const auto& audit) { return audit.contents.empty(); });
  if (!options.backup.empty() && none)
    return Refuse("no backup that can be restored is called \"" + options.backup + "\"");
  if (options.json) Print(AuditJson(audits, at));
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return CodeOf(WorstOf(audits));
  std::fprintf(stderr, "pgvigil: the report cannot be written to standard output: %s\n", std::strerror(errno));
  return kUnknown;
}

}  // namespace pgvigil::cli
