// What a failed read of one object costs: the backup that it belongs to, or the pass.
#pragma once

#include "base/result.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

// Wrong with the object alone, as against the store or the way to it. One that was deleted between the listing and the
// reading is such a one: the next pass will see.
bool IsOfTheObject(const base::Error& error);

// Its metadata, or the folder that it is, could not be read.
void MarkUnreadable(const base::Error& error, cluster::Backup& backup);

}  // namespace pgvigil::archive
