#include "cli/families_exporter.h"

#include <array>

#include "cli/version.h"

namespace pgvigil::cli {
namespace {

using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;

constexpr std::array<std::string_view, 3> kBuildLabels = {"version", "revision", "compiler"};

constexpr std::array kDescriptors = {
    Descriptor{"pgvigil_build_info", Type::kGauge, Scope::kExporter, kBuildLabels,
               "1, with what was built from what and how"},
    Descriptor{"pgvigil_config_last_reload_successful",
               Type::kGauge,
               Scope::kExporter,
               {},
               "1 if the newest attempt to load the configuration was taken up, 0 if the old one was kept"},
    Descriptor{"pgvigil_config_last_reload_success_timestamp_seconds",
               Type::kGauge,
               Scope::kExporter,
               {},
               "When a configuration was last taken up, in Unix seconds"},
    Descriptor{"pgvigil_journal_up",
               Type::kGauge,
               Scope::kExporter,
               {},
               "1 if the journal of failovers was written when there was something to write, 0 if what happens is "
               "remembered by the process alone; absent without a journal"},
};

}  // namespace

void SetBuildInfo(metrics::Self& self) { self.Set(kDescriptors[0], {kVersion, kRevision, kCompiler}, 1); }

void SetReload(metrics::Self& self, bool successful, base::WallTime now) {
  self.Set(kDescriptors[1], {}, successful ? 1 : 0);
  if (successful) self.Set(kDescriptors[2], {}, base::UnixSeconds(now));
}

void SetJournal(metrics::Self& self, bool kept) { self.Set(kDescriptors[3], {}, kept ? 1 : 0); }

std::span<const metrics::Descriptor> ExporterDescriptors() { return kDescriptors; }

}  // namespace pgvigil::cli
