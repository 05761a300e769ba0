// The state of each backup of a catalogue. Pure.
#pragma once

#include <vector>

#include "base/clock.h"
#include "cluster/archive_state.h"
#include "verdict/chain.h"

namespace pgvigil::verdict {

// As in the catalogue. A backup is restorable if its metadata say done, its structure is whole, every segment from its
// begin to its end is stored along the path, and all that it refers to is restorable.
std::vector<BackupVerdict> JudgeBackups(const cluster::ArchiveContents& contents, const RecoveryPath& path,
                                        base::WallTime now);

// How long a backup without an end may be running: max(24 h, 3 x the median duration of the ones that ended).
base::Milliseconds MayRunFor(const cluster::BackupCatalogue& catalogue);

}  // namespace pgvigil::verdict
