// Puts a page together: query blocks, what was judged, what the runs and the exporter say of themselves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/self.h"
#include "metrics/text_writer.h"
#include "observe/view.h"
#include "scrape/run.h"

namespace pgvigil::scrape {

// One instance on a page.
struct PageInstance {
  const cluster::ClusterName* cluster = nullptr;
  const std::string* name = nullptr;
  std::shared_ptr<const RunResult> run;  // null: not done in time
};

struct PageParts {
  std::vector<PageInstance> instances;
  observe::FleetView clusters;  // those selected
  std::size_t series_limit = 0;
  std::shared_ptr<const objectstore::RequestCounts> requests;  // null: none are sent
  base::SteadyTime now;
  base::WallTime wall;  // the same moment
};

// At the limit whole query blocks are left out, largest first, and counted; what was judged is never left out.
metrics::Page MakePage(const PageParts& parts, metrics::Self& self);

}  // namespace pgvigil::scrape
