pgvigil_module(cluster
  SOURCES objectives.cc position_clock.cc
  DEPENDS wal base
)
