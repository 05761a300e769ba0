#include "cli/exporter.h"

#include "base/clock.h"
#include "cli/families_exporter.h"

namespace pgvigil::cli {

Loaded Load(const std::string& path, const config::Overrides& overrides, const std::string& executable,
            base::Diagnostics& configuration, base::Diagnostics& queries) {
  Loaded loaded;
  loaded.config = config::Load(path, overrides, executable, configuration);
  if (!loaded.config) return loaded;
  base::Diagnostics found;
  loaded.catalog = query::Catalog::Load(loaded.config->queries, found);
  (loaded.catalog->AllFilesRead() ? queries : configuration).Append(found);
  return loaded.catalog->AllFilesRead() ? loaded : Loaded{};
}

Exporter::Exporter()
    : loop_(base::SystemClock()),
      connector_(loop_),
      observer_(connector_, std::make_shared<objectstore::RequestCounts>()),
      scraper_(connector_, observer_, self_) {
  SetBuildInfo(self_);
  loop_.Start();
}

Exporter::~Exporter() = default;

void Exporter::Configure(const Loaded& loaded) {
  const auto instances = std::make_shared<const observe::Options>(loaded.config->observe);
  observer_.Configure(instances);
  scraper_.Configure({instances, loaded.catalog, loaded.config->scrape});
}

}  // namespace pgvigil::cli
