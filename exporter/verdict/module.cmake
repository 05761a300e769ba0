pgvigil_module(verdict
  SOURCES audit.cc backup_state.cc backup_summary.cc chain.cc lateness.cc readiness.cc recovery.cc recovery_target.cc reference.cc replication.cc site.cc synchronous.cc verdict.cc
  DEPENDS cluster wal base
)
