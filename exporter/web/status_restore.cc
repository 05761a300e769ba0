// To which moments can we restore, and what proves it?
#include <algorithm>

#include "web/status.h"
#include "web/status_archive.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using cluster::Backup;
using observe::ArchiveReading;
using observe::ClusterView;
using verdict::BackupState;

constexpr std::size_t kBackupsSaid = 5;

// One archive's part of the answer.
class ArchiveAnswer {
 public:
  ArchiveAnswer(const ClusterView& view, std::size_t index, const Moment& now, std::vector<Statement>& says)
      : view_(view),
        reading_(*view.archives[index]),
        archive_(view.site.archives[index]),
        moment_(now),
        name_(reading_.state.name),
        says_(says) {}

  void Say() {
    if (auto trouble = ReadingTrouble(reading_, archive_.known, moment_)) says_.push_back(std::move(*trouble));
    if (archive_.known) {
      const auto& contents = *reading_.state.contents;
      if (contents.proves) {
        for (std::size_t i = 0; i < reading_.verdict->windows.size(); ++i) SayWindow(i);
        if (reading_.verdict->windows.empty()) SayNoWindow();
      } else {
        SayClaims();
      }
      SayBackups();
      if (contents.proves) SayWalTrouble(reading_, archive_, says_);
    }
    SayClockSkew(reading_, says_);
  }

 private:
  const Backup& BackupAt(std::size_t index) const { return reading_.state.contents->catalogue.backups[index]; }

  void SayWindow(std::size_t index) {
    const auto& window = reading_.verdict->windows[index];
    const auto& from = BackupAt(window.from);
    const auto& end = archive_.window_ends[index];
    const std::string method(cluster::Name(window.method));
    says_.push_back({Standing::kFine,
                     name_ + ", " + method + ": " + WindowText(reading_, archive_, index),
                     {},
                     WindowTargets(reading_, archive_, index)});
    SayLength(from, end);
  }

  void SayLength(const Backup& from, const std::optional<base::WallTime>& end) {
    const auto& objective = view_.state.objectives.recovery_window;
    const auto start = cluster::RestorableFrom(from);
    if (!objective || !start || !end || *end - *start >= *objective) return;
    const auto oldest = OldestDone(from.method);
    const bool lost = oldest && *end - *oldest > *objective;
    says_.push_back({lost ? Standing::kBroken : Standing::kNote,
                     name_ + ", " + std::string(cluster::Name(from.method)) + ": the window is " +
                         SpokenSeconds(std::max(0.0, base::Seconds(*end - *start))) +
                         " long, less than the objective of " + SpokenSeconds(base::Seconds(*objective)) +
                         (lost ? ": older backups are kept that lead nowhere." : ": no older backup is there.")});
  }

  std::optional<base::WallTime> OldestDone(cluster::BackupMethod method) const {
    for (const auto& backups : reading_.backups->methods) {
      if (backups.method == method) return backups.oldest_done;
    }
    return std::nullopt;
  }

  std::size_t Restorable() const {
    return static_cast<std::size_t>(
        std::count_if(reading_.verdict->backups.begin(), reading_.verdict->backups.end(),
                      [](const auto& backup) { return backup.state == BackupState::kRestorable; }));
  }

  void SayNoWindow() {
    if (Restorable() > 0) {
      says_.push_back({Standing::kFine, name_ + ": no moment can be chosen; backups can be restored as they are."});
    } else if (reading_.state.contents->catalogue.backups.empty()) {
      says_.push_back({Standing::kBroken, name_ + ": nothing can be restored, because it holds no backup.",
                       "Take one, or check the place in the configuration: " + reading_.state.place});
    }
  }

  void SayClaims() {
    says_.push_back({Standing::kUnknown,
                     name_ + ": not proven, because it is a tool's own report, which shows no WAL. "
                             "What follows is its claim.",
                     "Name the repository itself in the configuration, so that pgvigil can read it."});
  }

  Statement SayCounts(std::size_t count) const {
    if (!reading_.state.contents->proves) return {Standing::kNote, name_ + ": " + Counted(count, "backup") + "."};
    if (Restorable() == 0) {
      return {Standing::kBroken,
              name_ + ": nothing can be restored: of " + Counted(count, "backup") + " none is restorable.",
              "Take a new one once the reasons are gone."};
    }
    const auto text = name_ + ": " + Counted(count, "backup") + ", " + std::to_string(Restorable()) + " restorable.";
    const auto newest = reading_.verdict->backups.back().state;
    if (newest == BackupState::kRestorable || newest == BackupState::kRunning) return {Standing::kNote, text};
    return {Standing::kBroken, text + " The newest is not.", "Take a new one once the reason is gone."};
  }

  // The newest ones, newest first.
  void SayBackups() {
    const auto& backups = reading_.state.contents->catalogue.backups;
    if (backups.empty()) return;
    Statement statement = SayCounts(backups.size());
    for (std::size_t i = backups.size(); i > 0 && statement.details.size() < kBackupsSaid; --i)
      statement.details.push_back(BackupLine(reading_, i - 1));
    if (backups.size() > kBackupsSaid)
      statement.details.push_back("and " + std::to_string(backups.size() - kBackupsSaid) + " older");
    says_.push_back(std::move(statement));
  }

  const ClusterView& view_;
  const ArchiveReading& reading_;
  const verdict::ArchiveNow& archive_;
  const Moment& moment_;
  const std::string& name_;
  std::vector<Statement>& says_;
};

}  // namespace

Answer AnswerRestore(const ClusterView& view, const Moment& now) {
  Answer answer{"restore", "To which moments can we restore, and what proves it?", {}, ArchiveEvidence(view, now)};
  if (view.archives.empty()) {
    answer.says.push_back({Standing::kUnknown, "Not known, because no archive is configured.",
                           "Name where WAL and backups go under `archive` of the cluster in the configuration."});
  }
  for (std::size_t i = 0; i < view.archives.size(); ++i) ArchiveAnswer(view, i, now, answer.says).Say();
  return answer;
}

}  // namespace pgvigil::web
