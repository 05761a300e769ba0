// Limits of scraping, as the configuration says them.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace pgvigil::scrape {

struct Options {
  base::Milliseconds scrape_timeout{10000};  // without Prometheus's header, otherwise the smaller of both
  int connections_per_instance = 3;
  std::size_t series_per_page = 0;  // 0: max(200000, 2000 x instances)
};

}  // namespace pgvigil::scrape
