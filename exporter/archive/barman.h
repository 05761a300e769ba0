// Archives of barman-cloud: those of CloudNativePG (in-tree and plugin) and of barman-cloud on its own, barman 3.4 to
// 3.19. Layout: <server>/base/<id>/{backup.info, data.tar…, <oid>.tar…, annotations/keep}, <server>/wals/….
// Source: barman's cloud.py, xlog.py and annotations.py.
#pragma once

#include <memory>
#include <string>

#include "archive/reader.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

// `server` is the folder under the store's root; several may lie side by side there.
std::unique_ptr<Reader> MakeBarmanReader(std::shared_ptr<objectstore::Store> store, std::string server,
                                         const base::Clock& clock);

}  // namespace pgvigil::archive
