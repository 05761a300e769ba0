#include "archive/open.h"

#include "archive/barman.h"
#include "objectstore/directory.h"

namespace pgvigil::archive {

std::string_view Source(const Place& place) { return place.tool == Tool::kPgbackrest ? "pgbackrest" : "objectstore"; }

base::Result<std::unique_ptr<Reader>> Open(const Place& place, const objectstore::Surroundings& surroundings) {
  auto store = place.s3
                   ? objectstore::OpenS3(*place.s3, surroundings)
                   : base::Result<std::shared_ptr<objectstore::Store>>(objectstore::OpenDirectory(place.directory));
  if (!store.ok()) return store.error();
  return MakeBarmanReader(std::move(store).Take(), place.server, *surroundings.clock);
}

}  // namespace pgvigil::archive
