pgvigil_module(cluster
  SOURCES backup.cc objectives.cc position_clock.cc
  DEPENDS wal base
)
