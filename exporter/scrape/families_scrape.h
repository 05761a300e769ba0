// What scraping itself says on the page: pg_up and pgvigil_query_* of each instance, and the exporter's own counters.
#pragma once

#include <cstdint>
#include <string>

#include "metrics/families.h"
#include "metrics/self.h"
#include "scrape/run.h"

namespace pgvigil::scrape {

// `identity` is the instance's. `now` gives kept results their age.
void AddRunFamilies(const RunResult& run, const std::string& identity, base::SteadyTime now,
                    metrics::Families& families);

// Why samples were left out of a page.
enum class DropReason { kDuplicate, kValue, kSeriesLimit, kPageLimit };

// Thread-safe.
void CountDropped(metrics::Self& self, DropReason reason, std::uint64_t samples);
// The counters at 0 from the start.
void InitialiseCounters(metrics::Self& self);

// For one page made.
struct PageFigures {
  base::SteadyTime::duration duration{};
  std::size_t series = 0;
};
void CountPage(metrics::Self& self, const PageFigures& figures);
// Before a page is made, so that it is on that page.
void ReportLoopLag(metrics::Self& self, base::SteadyTime::duration lag);

// For the reference page.
std::span<const metrics::Descriptor> ScrapeDescriptors();

}  // namespace pgvigil::scrape
