#include "observe/archive_readings.h"

#include <algorithm>
#include <utility>

#include "archive/wal_reading.h"
#include "base/result.h"

namespace pgvigil::observe {
namespace {

using cluster::ArchiveContents;
using verdict::ArchiveVerdict;

constexpr auto kRequestWithin = std::chrono::seconds(30);
constexpr int kSegmentsReadForCommit = 4;
constexpr int kMostAside = 8;  // damaged segments that one reading finds, each behind the last

// Of a backup in whose WAL no commit was found, all of which was looked at: when it began, to the end of the
// second that its label names, since a commit before it in that second is in the backup. Absent: not known.
std::optional<base::WallTime> IdleSince(const cluster::Backup& backup, const ArchiveVerdict& verdict,
                                        const ArchiveContents& contents) {
  const auto size = *contents.wal.segment_size;
  const auto first = backup.begin->bytes / size.bytes();
  const auto last = (std::max(backup.end->bytes, std::uint64_t{1}) - 1) / size.bytes();
  if (last - first >= kSegmentsReadForCommit) return std::nullopt;
  for (auto number = first; number <= last; ++number) {
    if (!contents.wal.stored.Contains(verdict.path.SegmentOf(number, size))) return std::nullopt;
  }
  if (!backup.begin_time) return std::nullopt;
  const auto second = std::chrono::floor<std::chrono::seconds>(*backup.begin_time);
  if (*backup.begin_time != second) return backup.begin_time;
  return second + std::chrono::seconds(1) - base::WallTime::duration(1);
}

// `told`: by the WAL.
std::string IdentifierOf(const ArchiveContents& contents, const ServerHints& hints, const std::string& told) {
  if (!hints.path.system_identifier.empty()) return hints.path.system_identifier;
  return contents.system_identifiers.size() == 1 ? contents.system_identifiers.front() : told;
}

}  // namespace

ArchiveReadings::ArchiveReadings(ArchiveOptions options, objectstore::Surroundings surroundings)
    : options_(std::move(options)), surroundings_(std::move(surroundings)), clock_(*surroundings_.clock) {
  reading_.state.name = options_.place.name;
  reading_.state.source = archive::Source(options_.place);
  reading_.state.methods = archive::Methods(options_.place);
  reading_.state.terms = options_.terms;
}

const ArchiveReading& ArchiveReadings::Next(const ServerHints& hints, archive::PassOptions pass) {
  const auto began = clock_.Steady();
  const auto contents = Pass(hints, std::move(pass));
  auto& store = reading_.state.store;
  store.duration = clock_.Steady() - began;
  store.up = contents.ok();
  if (!contents.ok()) {
    store.error = contents.error();
    return reading_;
  }
  store.last_success = clock_.Wall();
  store.last_success_steady = clock_.Steady();
  store.error.reset();
  reading_.state.place = reader_->Place();
  reading_.state.clock_skew = reader_->ClockSkew();
  ReadOneAgain(**contents);
  Judge(std::make_shared<ArchiveContents>(**contents), hints);
  return reading_;
}

const ArchiveReading& ArchiveReadings::WithFlaws(const ServerHints& hints,
                                                 const std::vector<std::vector<std::string>>& flaws,
                                                 const std::map<wal::Segment, std::string>& damaged) {
  auto contents = std::make_shared<ArchiveContents>(*reading_.state.contents);
  for (std::size_t i = 0; i < contents->catalogue.backups.size(); ++i) {
    auto& known = contents->catalogue.backups[i].flaws;
    known.insert(known.end(), flaws[i].begin(), flaws[i].end());
  }
  damaged_.insert(damaged.begin(), damaged.end());
  Judge(std::move(contents), hints);
  return reading_;
}

base::Result<std::shared_ptr<const ArchiveContents>> ArchiveReadings::Pass(const ServerHints& hints,
                                                                           archive::PassOptions pass) {
  commit_error_.reset();
  if (!reader_) {
    auto opened = archive::Open(options_.place, surroundings_);
    if (!opened.ok()) return opened.error();
    reader_ = std::move(opened).Take();
  }
  pass.request_within = kRequestWithin;
  pass.segment_size = hints.segment_size;
  if (reading_.verdict) {
    for (const auto& gap : reading_.verdict->gaps) pass.missing.push_back(gap.first);
  }
  return reader_->Pass(pass);
}

// What is read of times may show that a segment is none, and whose the WAL is: then what was judged does not hold.
void ArchiveReadings::Judge(std::shared_ptr<ArchiveContents> contents, const ServerHints& hints) {
  identifier_ = IdentifierOf(*contents, hints, identifier_of_wal_);
  auto verdict = std::make_shared<ArchiveVerdict>(JudgeOnce(*contents, hints));
  for (int more = 0; more < kMostAside; ++more) {
    const auto known = std::pair(damaged_.size(), identifier_);
    ReadTimes(*verdict, *contents, hints);
    if (known == std::pair(damaged_.size(), identifier_)) break;
    *verdict = JudgeOnce(*contents, hints);
  }
  reading_.backups =
      std::make_shared<verdict::BackupSummary>(verdict::Summarize(contents->catalogue, verdict->backups));
  reading_.verdict = verdict;
  reading_.state.contents = std::move(contents);
}

ArchiveVerdict ArchiveReadings::JudgeOnce(ArchiveContents& contents, const ServerHints& hints) const {
  SetAside(contents);
  auto path = hints.path;
  path.system_identifier = identifier_;
  return verdict::JudgeArchive(contents, options_.terms, path, clock_.Wall());
}

// The damaged ones that are stored: treated as missing, and looked for already.
void ArchiveReadings::SetAside(ArchiveContents& contents) const {
  auto& wal = contents.wal;
  for (const auto& [segment, damage] : damaged_) {
    const auto run = wal.stored.IntervalOf(segment);
    if (!run) continue;
    wal.bad[segment] = {wal.segment_size->bytes(), run->last_stored, damage};
    wal.stored.Remove(segment);
    wal.confirmed_missing.try_emplace(segment, clock_.Wall());
  }
}

// One of the damaged ones in each pass, in turn: it may have been replaced.
void ArchiveReadings::ReadOneAgain(const ArchiveContents& contents) {
  if (!contents.wal.segment_size) return;
  std::erase_if(damaged_, [&](const auto& entry) { return !contents.wal.stored.Contains(entry.first); });
  if (damaged_.empty()) return;
  auto next = damaged_.upper_bound(read_again_);
  if (next == damaged_.end()) next = damaged_.begin();
  read_again_ = next->first;
  archive::WalReading wal(*reader_, *contents.wal.segment_size, kRequestWithin, identifier_);
  if (wal.Read(read_again_).ok()) damaged_.erase(next);
}

void ArchiveReadings::ReadTimes(const ArchiveVerdict& verdict, ArchiveContents& contents, const ServerHints& hints) {
  commit_error_.reset();
  contents.last_commit.reset();
  const bool clock_knows = hints.sampled_from && verdict.proven_end && *hints.sampled_from <= *verdict.proven_end;
  if (verdict.proven_end) contents.last_commit = clock_knows ? Remembered(verdict) : LastCommit(verdict, contents);
  FindStarts(verdict, contents);
}

// The last one read, if it still lies in the proven WAL: what was committed stays so.
std::optional<ArchiveContents::LastCommitted> ArchiveReadings::Remembered(const ArchiveVerdict& verdict) const {
  if (!last_commit_ || last_commit_->end > *verdict.proven_end || last_commit_->end.bytes == 0) return std::nullopt;
  if (verdict.path.At({last_commit_->end.bytes - 1}).timeline != last_commit_->segment.timeline) return std::nullopt;
  return last_commit_;
}

// Read again only when the end moved.
std::optional<ArchiveContents::LastCommitted> ArchiveReadings::LastCommit(const ArchiveVerdict& verdict,
                                                                          const ArchiveContents& contents) {
  if (commit_read_for_ == *verdict.proven_end) return last_commit_;
  const auto found = ReadCommit(verdict, contents, *verdict.proven_end);
  if (!found) return std::nullopt;
  commit_read_for_ = *verdict.proven_end;
  last_commit_ = *found;
  return last_commit_;
}

// Each window's backup is looked into once.
void ArchiveReadings::FindStarts(const ArchiveVerdict& verdict, ArchiveContents& contents) {
  std::map<std::string, std::optional<base::WallTime>> starts;
  for (const auto& window : verdict.windows) {
    auto& backup = contents.catalogue.backups[window.from];
    if (!backup.begin || !backup.end) continue;
    const auto known = starts_.find(backup.place);
    if (known != starts_.end()) {
      starts.insert(*known);
    } else if (const auto found = ReadCommit(verdict, contents, *backup.end)) {
      starts[backup.place] = *found ? std::optional((*found)->at) : IdleSince(backup, verdict, contents);
    }
    if (starts.contains(backup.place)) backup.last_commit = starts[backup.place];
  }
  starts_ = std::move(starts);
}

// Absent: it cannot be read now.
std::optional<std::optional<ArchiveContents::LastCommitted>> ArchiveReadings::ReadCommit(
    const ArchiveVerdict& verdict, const ArchiveContents& contents, wal::Lsn end) {
  if (!contents.wal.segment_size) return std::nullopt;
  archive::WalReading wal(*reader_, *contents.wal.segment_size, kRequestWithin, identifier_);
  auto found = wal.LastCommitBefore(verdict.path, end, kSegmentsReadForCommit);
  damaged_.insert(wal.damaged().begin(), wal.damaged().end());
  if (identifier_.empty()) identifier_ = identifier_of_wal_ = wal.system_identifier();
  if (found.ok()) return *std::move(found);
  commit_error_ = found.error();
  return std::nullopt;
}

}  // namespace pgvigil::observe
