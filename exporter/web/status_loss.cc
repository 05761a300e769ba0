// What would be lost if the primary or the site died now?
#include <cmath>

#include "verdict/site.h"
#include "web/status.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using observe::ClusterView;

// A value that is held while the primary is silent is no health.
Statement LossStatement(const ClusterView& view, const std::string& event, const verdict::Loss& loss,
                        std::optional<base::Milliseconds> limit, const Moment& now) {
  const bool held = !view.verdict.primary;
  const bool over = limit && loss.seconds > base::Seconds(*limit);
  Statement statement{
      over   ? Standing::kBroken
      : held ? Standing::kNote
             : Standing::kFine,
      event + ": " + SpokenBytes(loss.bytes) + " of WAL, " + SpokenSeconds(loss.seconds) + " of commits"};
  if (held && view.verdict.rpo_measured) {
    statement.text += ", as of " + SpokenSeconds(base::Seconds(now.steady - *view.verdict.rpo_measured)) +
                      " ago when the primary last answered";
  }
  if (limit) {
    statement.text += over ? ": more than the objective of " : "; the objective is ";
    statement.text += SpokenSeconds(base::Seconds(*limit));
  }
  statement.text += ".";
  return statement;
}

Statement NotKnown(const std::string& who, const std::string& because, std::string next = {}) {
  return {Standing::kUnknown, "What would be lost with the " + who + " is not known, because " + because + ".",
          std::move(next)};
}

bool NoArchiveIsKnown(const ClusterView& view) {
  for (const auto& archive : view.site.archives) {
    if (archive.known) return false;
  }
  return true;
}

Statement PrimaryLoss(const ClusterView& view, const Moment& now) {
  const auto& verdict = view.verdict;
  if (view.state.replica) return {Standing::kNote, "A replica cluster has no primary to lose."};
  if (!verdict.rpo_primary) {
    if (!verdict.primary) {
      return NotKnown("primary",
                      verdict.rpo_measured ? "no primary has answered for 5 minutes" : "no primary answered yet");
    }
    return NotKnown("primary", view.state.archives.empty() ? "not every instance was asked yet"
                                                           : "no standby could take over and the archive's part is not "
                                                             "known");
  }
  if (std::isinf(verdict.rpo_primary->bytes)) {
    return {Standing::kBroken,
            "If the primary died now, everything would be lost: no standby could take over, and " +
                std::string(view.state.archives.empty() ? "no archive is configured." : "no backup can be restored."),
            "Bring a standby back or take a backup that can be restored."};
  }
  return LossStatement(view, verdict.primary ? "If the primary died now" : "If the primary is gone",
                       *verdict.rpo_primary, view.state.objectives.rpo_primary, now);
}

Statement SiteLoss(const ClusterView& view, const Moment& now) {
  if (view.state.archives.empty()) {
    return NotKnown("site", "no archive is configured",
                    "Name where WAL and backups go under `archive` of the cluster in the configuration.");
  }
  if (!view.site.rpo_site) {
    if (NoArchiveIsKnown(view)) return NotKnown("site", "no archive could be read lately");
    if (!view.verdict.primary) return NotKnown("site", "the primary's position is not known");
    return NotKnown("site", "an archive cannot be read that might hold what the others lack");
  }
  if (std::isinf(view.site.rpo_site->bytes)) {
    return {Standing::kBroken, "If the site died now, everything would be lost: no backup can be restored.",
            "Take a backup, and see below why those that are there are not restorable."};
  }
  const auto& declared = view.state.objectives.rpo_site;
  return LossStatement(view, "If the site died now", *view.site.rpo_site,
                       declared ? declared : verdict::DefaultSiteObjective(view.state), now);
}

}  // namespace

Answer AnswerLoss(const ClusterView& view, const Moment& now) {
  Answer answer{"loss", "What would be lost if the primary or the site died now?", {}, SqlEvidence(view, now)};
  answer.says.push_back(PrimaryLoss(view, now));
  answer.says.push_back(SiteLoss(view, now));
  for (auto& evidence : ArchiveEvidence(view, now)) answer.evidence.push_back(std::move(evidence));
  return answer;
}

}  // namespace pgvigil::web
