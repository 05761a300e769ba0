#include "observe/archive_reports.h"

namespace pgvigil::observe {
namespace {

// A busy primary reports a segment a second; a listing decides on them within minutes.
constexpr std::size_t kMostReports = 1024;

}  // namespace

void ArchiveReports::Take(const cluster::ClusterState& state, const verdict::ClusterVerdict& verdict) {
  if (!verdict.primary) return;
  const auto& primary = state.instances[*verdict.primary];
  const auto& archiver = primary.facts->archiver;
  const bool other = primary.name != primary_ || primary.facts->timeline != timeline_;
  if (other || archiver.archived < archived_) {
    reports_.clear();
    last_.clear();
  }
  primary_ = primary.name;
  timeline_ = primary.facts->timeline;
  archived_ = archiver.archived;
  if (archiver.last_archived_wal == last_ || !primary.settings) return;
  last_ = archiver.last_archived_wal;
  const auto size = wal::SegmentSize::FromBytes(primary.settings->wal_segment_size);
  if (!size.ok()) return;
  // A .backup, .history or .partial proves nothing of the WAL.
  const auto segment = wal::ParseSegmentName(last_, *size);
  if (!segment.ok()) return;
  reports_.push_back({*segment, primary.facts->received});
  if (reports_.size() > kMostReports) reports_.erase(reports_.begin(), reports_.begin() + kMostReports / 2);
}

}  // namespace pgvigil::observe
