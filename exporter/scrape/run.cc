#include "scrape/run.h"

#include <algorithm>

namespace pgvigil::scrape {

bool QuerySet::Contains(const QuerySet& other) const {
  if (!ids_) return true;
  if (!other.ids_) return false;
  return std::includes(ids_->begin(), ids_->end(), other.ids_->begin(), other.ids_->end());
}

QuerySet QuerySet::Union(const QuerySet& other) const {
  if (!ids_ || !other.ids_) return All();
  auto ids = *ids_;
  ids.insert(other.ids_->begin(), other.ids_->end());
  return Of(std::move(ids));
}

std::string QuerySet::Key() const {
  if (!ids_) return "*";
  std::string key;
  for (const auto& id : *ids_) key += id + "\n";
  return key;
}

}  // namespace pgvigil::scrape
