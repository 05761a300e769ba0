#include "scrape/page.h"

#include <algorithm>

#include "metrics/families.h"
#include "scrape/families_archive.h"
#include "scrape/families_cluster.h"
#include "scrape/families_failover.h"
#include "scrape/families_schedule.h"
#include "scrape/families_scrape.h"

namespace pgvigil::scrape {
namespace {

// Leaves the largest blocks out until the rest fits.
void Limit(std::vector<metrics::PageEntry>& blocks, std::size_t limit, metrics::Self& self) {
  std::size_t samples = 0;
  for (const auto& entry : blocks) samples += entry.block->samples();
  if (samples <= limit) return;
  std::vector<metrics::PageEntry*> by_size;
  by_size.reserve(blocks.size());
  for (auto& entry : blocks) by_size.push_back(&entry);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto* a, const auto* b) { return a->block->samples() > b->block->samples(); });
  std::size_t dropped = 0;
  for (auto* entry : by_size) {
    if (samples - dropped <= limit) break;
    dropped += entry->block->samples();
    entry->block.reset();
  }
  CountDropped(self, DropReason::kPageLimit, dropped);
  std::erase_if(blocks, [](const metrics::PageEntry& entry) { return entry.block == nullptr; });
}

}  // namespace

metrics::Page MakePage(const PageParts& parts, metrics::Self& self) {
  std::vector<metrics::PageEntry> entries;
  metrics::Families families;
  for (const auto& instance : parts.instances) {
    if (!instance.run) continue;
    const auto identity = metrics::Identity(instance.cluster->space, instance.cluster->name, *instance.name);
    AddRunFamilies(*instance.run, identity, parts.now, families);
    for (const auto& sample : instance.run->queries) {
      if (sample.block) entries.push_back({sample.block, identity});
    }
  }
  Limit(entries, parts.series_limit, self);
  for (const auto& cluster : parts.clusters) {
    const auto verdict = verdict::At(cluster->verdict, parts.now);
    AddClusterFamilies(cluster->state, verdict, cluster->site, families);
    AddReadinessFamilies(cluster->state, verdict, families);
    AddArchiveFamilies(*cluster, families);
    AddScheduleFamilies(*cluster, parts.wall, families);
    AddFailoverFamilies(*cluster, parts.wall, families);
  }
  if (parts.requests) AddRequestFamilies(*parts.requests, families);
  for (auto& entry : std::move(families).Finish()) entries.push_back(std::move(entry));
  for (auto& entry : self.Collect()) entries.push_back(std::move(entry));
  auto page = metrics::WritePage(entries);
  CountDropped(self, DropReason::kDuplicate, page.duplicates);
  return page;
}

}  // namespace pgvigil::scrape
