// One archive read on its own schedule by a thread of its own: readings, what they mean, whether it can be read. A
// store that hangs holds this thread and nothing else.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/published.h"
#include "objectstore/request_counts.h"
#include "observe/archive_readings.h"

namespace pgvigil::observe {

// Where the thread of an archive and the observer of its cluster meet: each writes one side and reads the other.
// Thread-safe, and outlives both.
struct ArchiveExchange {
  base::Published<ArchiveReading> reading;  // holds a value from the beginning
  base::Published<ServerHints> hints;
};

class ArchiveObserver {
 public:
  // `counts` outlives it.
  ArchiveObserver(std::string cluster, ArchiveOptions options, std::shared_ptr<objectstore::RequestCounts> counts,
                  const base::Clock& clock);
  // Cancels what is asked for. A file server that hangs in the kernel is left behind after two seconds.
  ~ArchiveObserver();
  ArchiveObserver(const ArchiveObserver&) = delete;
  ArchiveObserver& operator=(const ArchiveObserver&) = delete;

  const std::string& cluster() const;
  const ArchiveOptions& options() const;
  std::shared_ptr<ArchiveExchange> exchange() const;

 private:
  class Worker;
  std::shared_ptr<Worker> worker_;
  std::thread thread_;
};

}  // namespace pgvigil::observe
