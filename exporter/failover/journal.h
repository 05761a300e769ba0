// What happened to the primaries of all clusters, remembered beyond the process: events are told once, counted by kind,
// and written to a file by a thread of its own. The counters come from here alone, so that a restart repeats nothing
// and loses nothing.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "cluster/cluster_state.h"
#include "failover/classifier.h"
#include "failover/journal_file.h"
#include "failover/journal_line.h"

namespace pgvigil::failover {

// Of one cluster. Immutable once handed out.
struct FailoverHistory {
  std::vector<cluster::FailoverEvent> events;  // as they were told: the newest 200, and the last of each kind
  Counts counts{};                             // all ever told, by kind
  // Whether what earlier processes told is in it. Not while the file could not be read: a counter that began at 0 would
  // look as if it had been set back.
  bool whole = false;

  std::uint64_t Count(cluster::FailoverKind kind) const { return counts[static_cast<std::size_t>(kind)]; }
  // The newest of that kind; null if there was none.
  const cluster::FailoverEvent* Last(cluster::FailoverKind kind) const;
};

// Thread-safe. No call waits for the disk but the constructor, the destructor and Flush.
class Journal {
 public:
  // Reads what is there; what cannot be read, or written, is tried again every 10 s and said in the log. An empty path:
  // the events last as long as the process. `kept` is called whenever it turns out whether events are kept on disk (any
  // thread); never for an empty path.
  Journal(std::string path, const base::Clock& clock, std::function<void(bool)> kept);
  // Writes what is left, once.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Null members of nothing known.
  std::shared_ptr<const FailoverHistory> History(const cluster::ClusterName& cluster) const;
  std::optional<PrimarySeen> Primary(const cluster::ClusterName& cluster) const;

  // Takes what was told: the primary in place of the one before, each event unless its identity is there already.
  // Events are written at once, the primary when it is another one or was missed, its position once a minute.
  void Take(const cluster::ClusterName& cluster, Told told);

  // Waits until all that was taken is on disk, or could not be written.
  base::Status Flush();

 private:
  struct Of {
    std::shared_ptr<const FailoverHistory> history = std::make_shared<const FailoverHistory>();
    std::set<std::string> identities;  // of history's events
    std::optional<PrimarySeen> primary;
    std::optional<PrimarySeen> written;  // what of it the file is to hold
    Counts former{};                     // counted and not among the events any more
  };

  void Run();
  base::Status WriteOnce(std::unique_lock<std::mutex>& lock);
  base::Status Open(std::unique_lock<std::mutex>& lock);
  base::Status WriteAnew(std::unique_lock<std::mutex>& lock);
  void Learn(const std::string& text);
  void LearnLine(JournalLine line);
  bool Tell(Of& of, cluster::FailoverEvent event);
  void SetWhole();
  void BoundPending();
  void TakePositions();
  std::string Everything() const;
  void Say(const base::Status& status);

  const std::string path_;
  const base::Clock& clock_;
  const std::function<void(bool)> kept_;
  base::LogThrottle throttle_{std::chrono::minutes(5)};

  mutable std::mutex mutex_;
  std::map<cluster::ClusterName, Of> clusters_;
  std::string pending_;  // lines that are not in the file yet
  bool anew_ = false;    // the file is to be written anew: it cannot be appended to
  bool stop_ = false;
  bool flush_ = false;                // somebody waits: no pause before the next attempt
  bool read_ = false;                 // what earlier processes told is known, or there is no file
  std::uint64_t begun_ = 0;           // attempts to write
  std::uint64_t over_ = 0;            // the last of them that is over
  base::Status last_ = base::Done{};  // how that one went
  std::condition_variable wake_, done_;

  std::optional<JournalFile> file_;  // the writer's alone, and before it began the constructor's
  std::uint64_t rotate_at_ = 0;      // likewise: bytes
  std::thread writer_;               // last: it begins when all else is there
};

}  // namespace pgvigil::failover
