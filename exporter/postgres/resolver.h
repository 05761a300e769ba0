// Host names to addresses, off the event loop; the last good answer is kept for when name service fails or is slow.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/event_loop.h"
#include "postgres/workers.h"

namespace pgvigil::postgres {

// The loop's thread only. One lookup a host at a time, however many ask for it.
class Resolver {
  struct Question;
  struct State;

 public:
  // Numeric addresses in the order in which they should be tried.
  using Answer = base::Result<std::vector<std::string>>;
  // Looks one name up; blocks, on a worker. What getaddrinfo says, except in tests.
  using Lookup = std::function<Answer(const std::string& host)>;
  static Answer AskNameService(const std::string& host);

  // `patience` is how long a lookup may take before its last good answer is good enough.
  explicit Resolver(EventLoop& loop, Lookup lookup = &Resolver::AskNameService,
                    base::SteadyTime::duration patience = std::chrono::seconds(1));
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` once from the loop, never from inside this, unless the question is destroyed before. A numeric host is
  // its own answer. If resolution fails or lasts: what it yielded last.
  std::shared_ptr<const void> Resolve(const std::string& host, std::function<void(const Answer&)> done);

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace pgvigil::postgres
