pgvigil_module(observe
  SOURCES
  DEPENDS query verdict postgres metrics cluster wal base
)
