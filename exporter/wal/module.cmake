pgvigil_module(wal
  SOURCES segment.cc
  DEPENDS base
)
