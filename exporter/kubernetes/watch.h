// One kind of objects followed in one namespace or in all: listed page by page, then watched, listed anew where the
// server has forgotten what came between. Runs on the HTTP client's thread, as all watches do; nothing there blocks.
// Source: Kubernetes documentation, "API Concepts": efficient detection of changes, bookmarks, chunks, 410 Gone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/logging.h"
#include "base/published.h"
#include "cluster/source_state.h"
#include "http/client.h"
#include "json/selection.h"
#include "kubernetes/access.h"
#include "kubernetes/resource.h"

namespace pgvigil::kubernetes {

struct WatchOptions {
  Resource resource;
  std::string space;           // empty: all namespaces
  std::string label_selector;  // empty: all objects
};

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  // `client` outlives it. `objects` gets what comes; `told` is called when the state below changed.
  Watch(http::Client& client, std::shared_ptr<const Access> access, WatchOptions options,
        std::shared_ptr<Objects> objects, std::function<void()> told);

  // Once, any thread. It goes on until the last pointer to it is gone: to be dropped by http::Client::Call.
  void Start();

  // Up while the last answer was one and the objects are complete. Errors: permission (403: what is lacking), auth
  // (401), not_found (no such kind in this server), malformed, limit, and what http::Client gives. Any thread.
  cluster::SourceState state() const { return *state_.Get(); }

 private:
  void List(const std::string& continued);
  void TakePage(const base::Result<http::Response>& answer);
  void Follow();
  bool TakePiece(std::string_view bytes);
  bool TakeEvent(std::string_view line);
  void TakeEnd(const base::Result<http::Response>& answer);

  std::unique_ptr<http::Running> Ask(const std::string& query, std::chrono::seconds within, http::Sink sink,
                                     std::function<void()> began,
                                     std::function<void(const base::Result<http::Response>&)> done);
  void Again(std::function<void()> step, const base::Error& error, base::SteadyTime::duration at_least = {});
  void Succeeded();
  void Failed(const base::Error& error);
  base::Error ErrorOf(const http::Response& answer) const;
  std::string Subject() const;

  http::Client& client_;
  const std::shared_ptr<const Access> access_;
  const WatchOptions options_;
  const json::Selection kept_, kept_of_event_;
  const std::shared_ptr<Objects> objects_;
  const std::function<void()> told_;

  // The client's thread alone.
  std::unique_ptr<http::Running> request_;
  std::string version_;               // the resourceVersion that all is known up to
  std::string line_;                  // of the stream: begun and not ended
  std::optional<base::Error> ended_;  // why the stream is to be left
  bool gone_ = false;                 // what is known is too old: list again
  bool heard_ = false;                // the stream said something
  base::SteadyTime followed_since_;   // when it was asked for
  base::Backoff backoff_;
  base::LogThrottle throttle_;

  base::Published<cluster::SourceState> state_;
};

}  // namespace pgvigil::kubernetes
