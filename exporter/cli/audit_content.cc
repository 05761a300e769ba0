#include "cli/audit_content.h"

#include <thread>

#include "archive/wal_reading.h"
#include "web/status_archive.h"
#include "web/words.h"

namespace pgvigil::cli {

ContentPass::ContentPass(archive::Reader& reader, const observe::ArchiveReading& reading, const ContentChoice& choice,
                         const base::Clock& clock, Progress& progress)
    : reader_(reader), reading_(reading), choice_(choice), clock_(clock), progress_(progress) {
  if (choice.bandwidth) bandwidth_.emplace(*choice.bandwidth);
  const auto& contents = *reading_.state.contents;
  const auto& backups = contents.catalogue.backups;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (reading_.verdict->backups[i].state != verdict::BackupState::kRestorable) continue;
    if (!choice.backup.empty() && backups[i].id != choice.backup) continue;
    chosen_.push_back(i);
    total_ += backups[i].stored_bytes;
  }
  wal_ = ChosenWal();
  if (contents.wal.segment_size) total_ += wal_.size() * contents.wal.segment_size->bytes();
}

std::vector<archive::BackupContent> ContentPass::ReadBackups() {
  std::vector<archive::BackupContent> contents;
  for (const auto index : chosen_) {
    const auto& backup = reading_.state.contents->catalogue.backups[index];
    archive::ContentOptions options;
    options.on_read = [&](std::uint64_t bytes) { Count(backup.id, bytes); };
    contents.push_back(reader_.ReadContent(backup, options));
    contents.back().backup = index;
  }
  progress_.Clear();
  return contents;
}

WalContent ContentPass::ReadWal(const std::string& system_identifier) {
  WalContent content;
  if (wal_.empty()) return content;
  const auto size = *reading_.state.contents->wal.segment_size;
  archive::WalReading wal(reader_, size, archive::ContentOptions().request_within, system_identifier);
  for (const auto& segment : wal_) {
    const auto read = wal.Read(segment);
    Count(web::SegmentName(reading_, segment), size.bytes());
    ++content.files;
    content.bytes += read.ok() ? read->bytes : 0;
    if (read.ok() || wal.damaged().contains(segment)) continue;
    // Deleted since it was listed: a retention run may go on.
    if (read.error().kind == base::ErrorKind::kNotFound) continue;
    content.error = read.error();
    break;
  }
  content.damaged = wal.damaged();
  progress_.Clear();
  return content;
}

std::set<wal::Segment> ContentPass::ChosenWal() const {
  std::set<wal::Segment> all;
  if (!choice_.backup.empty()) {
    for (const auto index : chosen_) all.merge(WalOf(index));
    return all;
  }
  for (const auto& window : reading_.verdict->windows) all.merge(WalOf(window.from));
  return all;
}

// Those that are stored: one that holds its own needs none of its beginning.
std::set<wal::Segment> ContentPass::WalOf(std::size_t backup) const {
  std::set<wal::Segment> segments;
  const auto& known = reading_.state.contents->catalogue.backups[backup];
  const auto& inventory = reading_.state.contents->wal;
  const auto& reach = reading_.verdict->backups[backup].reach;
  if (!known.begin || !reach || !inventory.segment_size || reach->bytes == 0) return segments;
  const auto size = *inventory.segment_size;
  for (auto number = known.begin->bytes / size.bytes(); number <= (reach->bytes - 1) / size.bytes(); ++number) {
    const auto segment = reading_.verdict->path.SegmentOf(number, size);
    if (inventory.stored.Contains(segment)) segments.insert(segment);
  }
  return segments;
}

// How far all of it is, and no faster than it may go on.
void ContentPass::Count(const std::string& what, std::uint64_t bytes) {
  read_ += bytes;
  const auto share =
      total_ > 0 ? std::optional(static_cast<double>(read_) / static_cast<double>(total_)) : std::nullopt;
  progress_.Show(what + ": " + web::SpokenBytes(static_cast<double>(read_)) + " of " +
                     web::SpokenBytes(static_cast<double>(total_)) + " read",
                 share);
  if (bandwidth_) std::this_thread::sleep_for(bandwidth_->Spend(bytes, clock_.Steady()));
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
