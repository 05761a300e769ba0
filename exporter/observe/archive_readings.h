// The readings of one archive, one after another: a pass over the store, what it means, and what the WAL itself tells
// of times. Belongs to one thread at a time and blocks it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/open.h"
#include "base/clock.h"
#include "cluster/archive_state.h"
#include "verdict/backup_summary.h"
#include "verdict/recovery.h"

namespace pgvigil::observe {

struct ArchiveOptions {
  archive::Place place;
  cluster::ArchiveTerms terms;

  friend bool operator==(const ArchiveOptions&, const ArchiveOptions&) = default;
};

// The last reading and what follows from it; published whole.
struct ArchiveReading {
  cluster::ArchiveState state;
  std::shared_ptr<const verdict::ArchiveVerdict> verdict;  // of state.contents; null as they are
  std::shared_ptr<const verdict::BackupSummary> backups;   // likewise
};

// What SQL knows and the reading of an archive asks for.
struct ServerHints {
  verdict::KnownPath path;
  std::optional<wal::SegmentSize> segment_size;
  // From here on the position clock tells times; before it the last commit has to be read from the WAL itself.
  std::optional<wal::Lsn> sampled_from;
};

class ArchiveReadings {
 public:
  // The clock of `surroundings` outlives it.
  ArchiveReadings(ArchiveOptions options, objectstore::Surroundings surroundings);

  const ArchiveOptions& options() const { return options_; }
  const ArchiveReading& last() const { return reading_; }

  // One more. What was known stays where it fails, with the error beside it. `pass`: all but what `hints` and the last
  // verdict say.
  const ArchiveReading& Next(const ServerHints& hints, archive::PassOptions pass);

  // The last one judged again, with flaws that were found in the content of its backups, as many lists as there are
  // backups, and segments that were read and are damaged. There was a reading.
  const ArchiveReading& WithFlaws(const ServerHints& hints, const std::vector<std::vector<std::string>>& flaws,
                                  const std::map<wal::Segment, std::string>& damaged);

  // Of the cluster that the archive is of: as the server says, as all backups say, or as the WAL does; empty: unknown.
  const std::string& system_identifier() const { return identifier_; }

  // Why a commit could not be read from the WAL for the last reading, if one could not.
  const std::optional<base::Error>& commit_error() const { return commit_error_; }

  // Segments that were read and are no WAL of the cluster, and why: treated as missing until they are replaced.
  const std::map<wal::Segment, std::string>& damaged() const { return damaged_; }

  // Null before the archive could be opened.
  archive::Reader* reader() const { return reader_.get(); }

 private:
  using LastCommitted = cluster::ArchiveContents::LastCommitted;

  base::Result<std::shared_ptr<const cluster::ArchiveContents>> Pass(const ServerHints& hints,
                                                                     archive::PassOptions pass);
  void Judge(std::shared_ptr<cluster::ArchiveContents> contents, const ServerHints& hints);
  verdict::ArchiveVerdict JudgeOnce(cluster::ArchiveContents& contents, const ServerHints& hints) const;
  void SetAside(cluster::ArchiveContents& contents) const;
  void ReadOneAgain(const cluster::ArchiveContents& contents);
  void ReadTimes(const verdict::ArchiveVerdict& verdict, cluster::ArchiveContents& contents, const ServerHints& hints);
  std::optional<LastCommitted> Remembered(const verdict::ArchiveVerdict& verdict) const;
  std::optional<LastCommitted> LastCommit(const verdict::ArchiveVerdict& verdict,
                                          const cluster::ArchiveContents& contents);
  void FindStarts(const verdict::ArchiveVerdict& verdict, cluster::ArchiveContents& contents);
  std::optional<std::optional<LastCommitted>> ReadCommit(const verdict::ArchiveVerdict& verdict,
                                                         const cluster::ArchiveContents& contents, wal::Lsn end);

  const ArchiveOptions options_;
  const objectstore::Surroundings surroundings_;
  const base::Clock& clock_;
  std::unique_ptr<archive::Reader> reader_;
  ArchiveReading reading_;
  std::optional<base::Error> commit_error_;
  std::optional<wal::Lsn> commit_read_for_;
  std::optional<LastCommitted> last_commit_;
  std::map<std::string, std::optional<base::WallTime>> starts_;  // by the place of a backup
  std::string identifier_;                                       // of the cluster, as far as the last judgement knew
  std::string identifier_of_wal_;                                // that was read while nothing else told one
  std::map<wal::Segment, std::string> damaged_;  // that were read and are no WAL of the cluster, and why
  wal::Segment read_again_;                      // the last of them that was looked at once more
};

}  // namespace pgvigil::observe
