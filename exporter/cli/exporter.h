// The exporter put together: the event loop with its sessions, the observer, the scraper, and their configuration.
// `serve` adds the web front and lives long; `scrape` uses it once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "config/config.h"
#include "failover/journal.h"
#include "metrics/self.h"
#include "observe/observer.h"
#include "postgres/event_loop.h"
#include "postgres/session.h"
#include "scrape/scraper.h"

namespace pgvigil::cli {

// A configuration with its query files read: what is taken up whole, or not at all.
struct Loaded {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const query::Catalog> catalog;
};

// Null members if `configuration` has errors. A query file that is missing or no YAML is one of these; a malformed
// query is an error only for a reload and for `check`: at the start the rest of its file is better than nothing.
Loaded Load(const std::string& path, const config::Overrides& overrides, const std::string& executable,
            base::Diagnostics& configuration, base::Diagnostics& queries);

class Exporter {
 public:
  // `journal`: the file that remembers failovers beyond the process, empty: they are remembered as long as it lives.
  // Without a value none are told: who looks once sees no change.
  explicit Exporter(const std::optional<std::string>& journal = {});
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Any thread but the loop's.
  void Configure(const Loaded& loaded);

  metrics::Self& self() { return self_; }
  observe::Observer& observer() { return observer_; }
  scrape::Scraper& scraper() { return scraper_; }

 private:
  metrics::Self self_;
  postgres::EventLoop loop_;
  postgres::Connector connector_;
  const std::unique_ptr<failover::Journal> journal_;  // null: none
  observe::Observer observer_;
  scrape::Scraper scraper_;
};

}  // namespace pgvigil::cli
