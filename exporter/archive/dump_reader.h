// Looks at a dump in a store as far as it takes to see that it is whole. Private to this module.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/backup.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

// Fills in what of `backup` the content tells: outcome, error, flaws, label. An error is the store's.
base::Status LookIntoDump(objectstore::Store& store, const objectstore::Object& object, base::Deadline deadline,
                          cluster::Backup& backup);

// `members`: what lies beside toc.dat.
base::Status LookIntoDumpFolder(objectstore::Store& store, const objectstore::Object& contents,
                                const std::vector<objectstore::Object>& members, base::Deadline deadline,
                                cluster::Backup& backup);

}  // namespace pgvigil::archive
