#include "cli/exporter.h"

#include "base/clock.h"
#include "cli/families_exporter.h"

namespace pgvigil::cli {

namespace {

std::unique_ptr<failover::Journal> Remember(const std::optional<std::string>& path, metrics::Self& self) {
  if (!path) return nullptr;
  return std::make_unique<failover::Journal>(*path, base::SystemClock(),
                                             [&self](bool kept) { SetJournal(self, kept); });
}

}  // namespace

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

Exporter::Exporter(const std::optional<std::string>& journal)
    : loop_(base::SystemClock()),
      connector_(loop_),
      journal_(Remember(journal, self_)),
      observer_(connector_, std::make_shared<objectstore::RequestCounts>(), journal_.get()),
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
