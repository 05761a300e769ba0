#include "objectstore/store.h"

namespace pgvigil::objectstore {

bool InArchiveTier(const Object& object) {
  return object.storage_class == "GLACIER" || object.storage_class == "DEEP_ARCHIVE" ||
         object.storage_class == "Archive";
}

base::Status ListAll(Store& store, const ListRequest& request, base::SteadyTime::duration page_within,
                     const base::Clock& clock, const std::function<bool(const ListPage&)>& each) {
  std::string continuation;
  for (;;) {
    auto page = store.List(request, continuation, base::Deadline::After(clock.Steady(), page_within));
    if (!page.ok()) return page.error();
    if (!each(*page) || page->next.empty()) return base::Done{};
    if (page->next == continuation) {
      return base::Error{base::ErrorKind::kMalformed,
                         "the listing goes round in circles: two pages name the same next one",
                         store.Name(),
                         {}};
    }
    continuation = page->next;
  }
}

}  // namespace pgvigil::objectstore
