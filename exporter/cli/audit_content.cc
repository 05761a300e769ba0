#include "cli/audit_content.h"

#include <thread>

#include "archive/bandwidth.h"
#include "web/words.h"

namespace pgvigil::cli {
namespace {

// How far all of it is, and how fast it may go on.
class Pace {
 public:
  Pace(std::uint64_t total, const ContentChoice& choice, const base::Clock& clock, Progress& progress)
      : total_(total), clock_(clock), progress_(progress) {
    if (choice.bandwidth) bandwidth_.emplace(*choice.bandwidth);
  }

  void Begin(const std::string& backup) { backup_ = backup; }

  void Read(std::uint64_t bytes) {
    read_ += bytes;
    const auto share =
        total_ > 0 ? std::optional(static_cast<double>(read_) / static_cast<double>(total_)) : std::nullopt;
    progress_.Show(backup_ + ": " + web::SpokenBytes(static_cast<double>(read_)) + " of " +
                       web::SpokenBytes(static_cast<double>(total_)) + " read",
                   share);
    if (bandwidth_) std::this_thread::sleep_for(bandwidth_->Spend(bytes, clock_.Steady()));
  }

 private:
  const std::uint64_t total_;
  const base::Clock& clock_;
  Progress& progress_;
  std::optional<archive::Bandwidth> bandwidth_;
  std::string backup_;
  std::uint64_t read_ = 0;
};

}  // namespace

std::vector<archive::BackupContent> ReadContents(archive::Reader& reader, const observe::ArchiveReading& reading,
                                                 const ContentChoice& choice, const base::Clock& clock,
                                                 Progress& progress) {
  const auto& backups = reading.state.contents->catalogue.backups;
  std::vector<std::size_t> chosen;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (reading.verdict->backups[i].state != verdict::BackupState::kRestorable) continue;
    if (!choice.backup.empty() && backups[i].id != choice.backup) continue;
    chosen.push_back(i);
    total += backups[i].stored_bytes;
  }
  Pace pace(total, choice, clock, progress);
  archive::ContentOptions options;
  options.on_read = [&](std::uint64_t bytes) { pace.Read(bytes); };
  std::vector<archive::BackupContent> contents;
  for (const auto index : chosen) {
    pace.Begin(backups[index].id);
    contents.push_back(reader.ReadContent(backups[index], options));
    contents.back().backup = index;
  }
  progress.Clear();
  return contents;
}

std::vector<std::vector<std::string>> FlawsOf(const std::vector<archive::BackupContent>& contents,
                                              std::size_t backups) {
  std::vector<std::vector<std::string>> flaws(backups);
  for (const auto& content : contents) {
    auto& of_this = flaws[content.backup];
    for (const auto& note : content.findings) of_this.push_back(note.key + ": " + note.what);
    const auto more = content.found - content.findings.size();
    if (more > 0) of_this.push_back("and " + std::to_string(more) + " more of its files");
  }
  return flaws;
}

}  // namespace pgvigil::cli
