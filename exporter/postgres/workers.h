// A few threads for what may block and therefore must not happen on the event loop: name resolution and password files.
// Each kind has threads of its own, so that a name service that hangs keeps nobody from a file.
#pragma once

#include <functional>
#include <memory>

#include "postgres/event_loop.h"

namespace pgvigil::postgres {

// Thread-safe. Never waits for a job: a resolver that hangs for half a minute must not delay the end of the process, so
// its thread is left behind and what it finds out is thrown away.
class Workers {
 public:
  Workers(EventLoop& loop, int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Runs `job` on a worker, then what it returns on the loop. A job whose `wanted` has expired by its turn is dropped
  // unrun, and one that throws ends with a line in the log.
  using Continuation = std::function<void()>;
  void Submit(std::weak_ptr<const void> wanted, std::function<Continuation()> job);

 private:
  struct Shared;
  static void Work(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace pgvigil::postgres
