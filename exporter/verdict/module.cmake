pgvigil_module(verdict
  SOURCES reference.cc replication.cc synchronous.cc verdict.cc
  DEPENDS cluster wal base
)
