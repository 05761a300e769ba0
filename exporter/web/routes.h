// The exporter's pages: what is answered under which path.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "observe/observer.h"
#include "scrape/scraper.h"
#include "web/server.h"

namespace pgvigil::web {

// What the routes rest on. References outlive the server.
struct Application {
  scrape::Scraper& scraper;
  observe::Observer& observer;
  std::string version = {};
  std::function<std::string()> config = {};   // the redacted configuration
  std::function<base::Status()> reload = {};  // all or nothing; the error says why not
  bool lifecycle = false;                     // POST /-/reload is offered
};

// / /metrics /api/v1/status /-/healthy /-/ready /-/reload /config
std::vector<Route> MakeRoutes(const Application& application);

}  // namespace pgvigil::web
