// What happened last night? What the journal remembers, and what servers and archives show now of the last day.
#include <algorithm>
#include <chrono>

#include "web/status.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using observe::ArchiveReading;
using observe::ClusterView;

constexpr auto kLately = std::chrono::hours(24);

// " (3.1 h ago)" by the servers' clock; nothing where that is not known.
std::string Ago(base::WallTime time, const std::optional<base::WallTime>& server_now) {
  if (!server_now || time > *server_now) return {};
  return " (" + SpokenSeconds(base::Seconds(*server_now - time)) + " ago)";
}

void SayBackups(const verdict::BackupsOfType& backups, const std::string& archive, bool proves,
                const std::optional<base::WallTime>& now, std::vector<Statement>& says) {
  const std::string kind = archive + ": the newest " + std::string(cluster::Name(backups.type)) + " backup (" +
                           std::string(cluster::Name(backups.method)) + ")";
  const auto& failure = backups.last_failure;
  if (failure && (!backups.last_claimed || *failure > *backups.last_claimed)) {
    says.push_back({Standing::kBroken,
                    kind + " failed; it began at " + SpokenMoment(*failure) + Ago(*failure, now) + ".",
                    "Look at the log of the backup tool, and take another."});
  } else if (failure && now && *now - *failure < kLately) {
    says.push_back({Standing::kNote, kind + " came after one that failed, begun at " + SpokenMoment(*failure) + "."});
  }
  if (!backups.last_claimed) return;
  const bool proven = backups.last_proven == backups.last_claimed;
  Statement statement{proven   ? Standing::kFine
                      : proves ? Standing::kBroken
                               : Standing::kNote,
                      kind + " ended at " + SpokenMoment(*backups.last_claimed) + Ago(*backups.last_claimed, now)};
  if (backups.last_seconds) statement.text += ", took " + SpokenSeconds(*backups.last_seconds);
  if (backups.usual_seconds) statement.text += " (usually " + SpokenSeconds(*backups.usual_seconds) + ")";
  if (backups.last_bytes) statement.text += ", " + SpokenBytes(*backups.last_bytes);
  if (backups.usual_bytes) statement.text += " (usually " + SpokenBytes(*backups.usual_bytes) + ")";
  statement.text += proven ? "; it is restorable." : proves ? "; it is not restorable." : ", as the tool says.";
  says.push_back(std::move(statement));
}

// The objective on the age of backups, over all archives that are known.
void SayBackupAge(const ClusterView& view, const std::optional<base::WallTime>& now, std::vector<Statement>& says) {
  const auto& objective = view.state.objectives.backup_age;
  if (!objective || !now) return;
  std::optional<base::WallTime> proven, claimed;
  for (std::size_t i = 0; i < view.archives.size(); ++i) {
    if (!view.site.archives[i].known) continue;
    for (const auto& backups : view.archives[i]->backups->types) {
      proven = std::max(proven, backups.last_proven);
      claimed = std::max(claimed, backups.last_claimed);
    }
  }
  const auto newest = proven ? proven : claimed;
  if (!newest || *now - *newest <= *objective) return;
  says.push_back({Standing::kBroken,
                  "The newest backup is " + SpokenSeconds(base::Seconds(*now - *newest)) +
                      " old, more than the objective of " + SpokenSeconds(base::Seconds(*objective)) + ".",
                  "Take one."});
}

void SayArchiver(const ClusterView& view, std::vector<Statement>& says) {
  if (!view.verdict.primary) return;
  const auto& instance = view.state.instances[*view.verdict.primary];
  const auto& archiver = instance.facts->archiver;
  if (archiver.last_failed && (!archiver.last_archived || *archiver.last_failed > *archiver.last_archived)) {
    says.push_back({Standing::kBroken,
                    "The archiver of " + instance.name + " fails: last with " + archiver.last_failed_wal + " at " +
                        SpokenMoment(*archiver.last_failed) + ".",
                    "The server's log has what archive_command said."});
  } else if (archiver.last_archived) {
    says.push_back({Standing::kNote, instance.name + " says that it archived " + archiver.last_archived_wal + " at " +
                                         SpokenMoment(*archiver.last_archived) + "."});
  }
}

void SayStarts(const ClusterView& view, std::vector<Statement>& says) {
  for (const auto& instance : view.state.instances) {
    if (!instance.facts || instance.foreign) continue;
    const auto up_for = instance.facts->server_time - instance.facts->postmaster_start;
    if (up_for >= kLately) continue;
    says.push_back(
        {Standing::kNote, instance.name + " was started at " + SpokenMoment(instance.facts->postmaster_start) + "."});
  }
}

// A promotion leaves a history.
void SayTimelines(const ArchiveReading& reading, const Moment& now, std::vector<Statement>& says) {
  for (const auto& [timeline, file] : reading.state.contents->wal.histories) {
    if (now.wall - file.stored >= kLately) continue;
    std::string where;
    if (file.history && !file.history->switches.empty()) where = " at " + wal::Format(file.history->switches.back().at);
    says.push_back({Standing::kNote, reading.state.name + ": timeline " + std::to_string(timeline) + " began" + where +
                                         "; its history was stored at " + SpokenMoment(file.stored) + "."});
  }
}

}  // namespace

Answer AnswerLately(const ClusterView& view, const Moment& now) {
  Answer answer{"lately", "What happened last night?", {}, SqlEvidence(view, now)};
  auto& says = answer.says;
  SayFailovers(view, now, says);
  const auto server_now = ServerNow(view, now);
  for (std::size_t i = 0; i < view.archives.size(); ++i) {
    const auto& reading = *view.archives[i];
    if (auto trouble = ReadingTrouble(reading, view.site.archives[i].known, now)) says.push_back(std::move(*trouble));
    if (!view.site.archives[i].known) continue;
    for (const auto& backups : reading.backups->types)
      SayBackups(backups, reading.state.name, reading.state.contents->proves, server_now, says);
    if (reading.backups->types.empty()) says.push_back({Standing::kNote, reading.state.name + ": no backup is there."});
    SayTimelines(reading, now, says);
  }
  if (view.archives.empty())
    says.push_back({Standing::kUnknown, "Whether a backup was taken is not known, because no archive is configured."});
  SayBackupAge(view, server_now, says);
  SayArchiver(view, says);
  SayStarts(view, says);
  for (auto& evidence : ArchiveEvidence(view, now)) answer.evidence.push_back(std::move(evidence));
  return answer;
}

}  // namespace pgvigil::web
