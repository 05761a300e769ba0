// The content of a dump: compressed streams and tars to their end. The data blocks inside of a dump in custom format
// are compressed each for itself; they are read and not looked into. Private to this module.
#pragma once

#include "archive/content.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

BackupContent ReadDumpContent(objectstore::Store& store, const cluster::Backup& backup, const base::Clock& clock,
                              const ContentOptions& options);

}  // namespace pgvigil::archive
