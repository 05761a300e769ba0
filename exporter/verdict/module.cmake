pgvigil_module(verdict
  SOURCES replication.cc synchronous.cc verdict.cc
  DEPENDS cluster wal base
)
