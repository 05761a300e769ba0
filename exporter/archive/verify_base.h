// The content of a base backup of pg_basebackup, a directory or tars: every file against backup_manifest, and what
// recovery begins with. Source: PostgreSQL manual, "Backup Manifest Format"; bin/pg_verifybackup for the files that no
// manifest names. Private to this module.
#pragma once

#include "archive/content.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

BackupContent ReadBaseContent(objectstore::Store& store, const cluster::Backup& backup, const base::Clock& clock,
                              const ContentOptions& options);

}  // namespace pgvigil::archive
