#include "archive/object_failure.h"

namespace pgvigil::archive {

bool IsOfTheObject(const base::Error& error) {
  return error.kind == base::ErrorKind::kPermission || error.kind == base::ErrorKind::kLimit ||
         error.kind == base::ErrorKind::kMalformed || error.kind == base::ErrorKind::kNotFound;
}

void MarkUnreadable(const base::Error& error, cluster::Backup& backup) {
  backup.outcome = cluster::BackupOutcome::kUnreadable;
  backup.error = error.message + (error.subject.empty() ? "" : " (" + error.subject + ")");
  // Nobody was refused where the object lies in Glacier: it has to be had back first.
  backup.denied = error.kind == base::ErrorKind::kPermission && !backup.in_archive_tier;
}

}  // namespace pgvigil::archive
