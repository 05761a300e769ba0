// The content of a backup of barman-cloud: every part of its tars to the end, and what recovery begins with. A part is
// a tar of its own; backup_label and pg_control lie in the last part of data. Source: barman's cloud.py. Private to
// this module.
#pragma once

#include "archive/content.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

BackupContent ReadBarmanContent(objectstore::Store& store, const cluster::Backup& backup, const base::Clock& clock,
                                const ContentOptions& options);

}  // namespace pgvigil::archive
