// GET /metrics: filters, deadline and encoding out of the request; the page out of the scraper.
#pragma once

#include "scrape/scraper.h"
#include "web/admission.h"
#include "web/server.h"

namespace pgvigil::web {

// What is left of the time Prometheus gives (X-Prometheus-Scrape-Timeout-Seconds, at most `limit`) after a margin for
// sending the page: the greater of half a second and a twentieth.
base::Deadline ScrapeDeadline(const Request& request, base::Milliseconds limit);

// Whether Accept-Encoding takes gzip (RFC 9110, 12.5.3).
bool AcceptsGzip(const Request& request);

class MetricsHandler {
 public:
  explicit MetricsHandler(scrape::Scraper& scraper);
  Response operator()(const Request& request);

 private:
  scrape::Scraper& scraper_;
  Admission admission_;
};

}  // namespace pgvigil::web
