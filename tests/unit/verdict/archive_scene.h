// An archive in a few words: segments of 1 MiB, positions in segments, so that 5.5 is the middle of the sixth.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cluster/archive_state.h"
#include "verdict/recovery.h"

namespace pgvigil::verdict {

inline const wal::SegmentSize kSize = *wal::SegmentSize::FromBytes(1 << 20);

inline wal::Lsn Pos(double segments) { return {static_cast<std::uint64_t>(segments * static_cast<double>(1 << 20))}; }

// The archive's clock, in hours.
inline base::WallTime Hour(double hour) {
  return base::WallTime(std::chrono::hours(500'000)) +
         std::chrono::duration_cast<base::WallTime::duration>(std::chrono::duration<double, std::ratio<3600>>(hour));
}
inline const base::WallTime kNow = Hour(1000);

using Left = std::pair<std::uint32_t, double>;  // a timeline, and the position at which it was left

// A whole backup; what is special of it is set by the test.
inline cluster::Backup BackupOf(std::string id, std::uint32_t timeline, double begin, double end, double ended = 100) {
  cluster::Backup backup;
  backup.id = std::move(id);
  backup.outcome = cluster::BackupOutcome::kDone;
  backup.begin_timeline = backup.end_timeline = timeline;
  backup.begin = Pos(begin);
  backup.end = Pos(end);
  backup.begin_time = Hour(ended - 0.5);
  backup.end_time = Hour(ended);
  return backup;
}

class Store {
 public:
  Store() { contents.wal.segment_size = kSize; }

  Store& Has(std::uint32_t timeline, std::uint64_t first, std::uint64_t last, base::WallTime stored = Hour(1)) {
    for (auto number = first; number <= last; ++number) contents.wal.stored.Add({timeline, number}, stored);
    return *this;
  }
  Store& Has(std::uint32_t timeline, std::uint64_t number) { return Has(timeline, number, number); }
  Store& Lacks(std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
    contents.wal.stored.RemoveRange(timeline, first, last);
    return *this;
  }
  Store& Lacks(std::uint32_t timeline, std::uint64_t number) { return Lacks(timeline, number, number); }
  Store& Confirmed(std::uint32_t timeline, std::uint64_t number) {
    contents.wal.confirmed_missing[{timeline, number}] = kNow;
    return *this;
  }
  Store& Archived(std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
    Lacks(timeline, first, last);
    for (auto number = first; number <= last; ++number) contents.wal.in_archive_tier.Add({timeline, number}, Hour(1));
    return *this;
  }
  Store& History(std::uint32_t timeline, const std::vector<Left>& left) {
    wal::History history{timeline, {}};
    for (const auto& [parent, at] : left) history.switches.push_back({parent, Pos(at), "no recovery target specified"});
    contents.wal.histories[timeline] = {history, {}, Hour(1)};
    return *this;
  }
  Store& UnreadableHistory(std::uint32_t timeline) {
    contents.wal.histories[timeline] = {
        {}, base::Error{base::ErrorKind::kMalformed, "expected a line for each ancestor", "", {}}, Hour(1)};
    return *this;
  }
  Store& With(cluster::Backup backup) {
    contents.catalogue.backups.push_back(std::move(backup));
    return *this;
  }

  ArchiveVerdict Judged(const KnownPath& known = {}, base::WallTime now = kNow) const {
    return JudgeArchive(contents, terms, known, now);
  }

  cluster::ArchiveContents contents;
  cluster::ArchiveTerms terms;
};

inline double Segments(std::optional<wal::Lsn> lsn) {
  return lsn ? static_cast<double>(lsn->bytes) / static_cast<double>(kSize.bytes()) : -1;
}

}  // namespace pgvigil::verdict
