#include "observe/archive_readings.h"

#include <utility>

#include "base/result.h"

namespace pgvigil::observe {
namespace {

using cluster::ArchiveContents;
using verdict::ArchiveVerdict;

constexpr auto kRequestWithin = std::chrono::seconds(30);
constexpr int kSegmentsReadForCommit = 4;

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
  Judge(std::make_shared<ArchiveContents>(**contents), hints);
  return reading_;
}

const ArchiveReading& ArchiveReadings::WithFlaws(const ServerHints& hints,
                                                 const std::vector<std::vector<std::string>>& flaws) {
  auto contents = std::make_shared<ArchiveContents>(*reading_.state.contents);
  for (std::size_t i = 0; i < contents->catalogue.backups.size(); ++i) {
    auto& known = contents->catalogue.backups[i].flaws;
    known.insert(known.end(), flaws[i].begin(), flaws[i].end());
  }
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

void ArchiveReadings::Judge(std::shared_ptr<ArchiveContents> contents, const ServerHints& hints) {
  commit_error_.reset();
  const auto verdict =
      std::make_shared<ArchiveVerdict>(verdict::JudgeArchive(*contents, options_.terms, hints.path, clock_.Wall()));
  const bool clock_knows = hints.sampled_from && verdict->proven_end && *hints.sampled_from <= *verdict->proven_end;
  if (verdict->proven_end) contents->last_commit = clock_knows ? Remembered(*verdict) : LastCommit(*verdict, *contents);
  FindStarts(*verdict, *contents);
  reading_.backups =
      std::make_shared<verdict::BackupSummary>(verdict::Summarize(contents->catalogue, verdict->backups));
  reading_.verdict = verdict;
  reading_.state.contents = std::move(contents);
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
    if (!backup.end) continue;
    const auto known = starts_.find(backup.place);
    if (known != starts_.end()) {
      starts.insert(*known);
    } else if (const auto found = ReadCommit(verdict, contents, *backup.end)) {
      starts[backup.place] = *found ? std::optional((*found)->at) : std::nullopt;
    }
    if (starts.contains(backup.place)) backup.last_commit = starts[backup.place];
  }
  starts_ = std::move(starts);
}

// Absent: it cannot be read now.
std::optional<std::optional<ArchiveContents::LastCommitted>> ArchiveReadings::ReadCommit(
    const ArchiveVerdict& verdict, const ArchiveContents& contents, wal::Lsn end) {
  if (!contents.wal.segment_size) return std::nullopt;
  auto found = archive::LastCommitBefore(*reader_, verdict.path, end, *contents.wal.segment_size,
                                         kSegmentsReadForCommit, kRequestWithin);
  if (found.ok()) return *std::move(found);
  commit_error_ = found.error();
  return std::nullopt;
}

}  // namespace pgvigil::observe
