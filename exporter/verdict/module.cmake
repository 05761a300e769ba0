pgvigil_module(verdict
  SOURCES verdict.cc
  DEPENDS cluster wal base
)
