#include "cli/audit_report.h"

#include <algorithm>

namespace pgvigil::cli {

using verdict::Soundness;

Soundness WorstOf(const std::vector<ArchiveAudit>& audits) {
  const auto any = [&](Soundness soundness) {
    return std::any_of(audits.begin(), audits.end(), [&](const auto& audit) { return audit.soundness == soundness; });
  };
  return any(Soundness::kBroken)       ? Soundness::kBroken
         : any(Soundness::kUnreadable) ? Soundness::kUnreadable
                                       : Soundness::kSound;
}

}  // namespace pgvigil::cli
