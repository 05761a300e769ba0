pgvigil_module(observe
  SOURCES cluster_observer.cc instance_observer.cc observer.cc
  DEPENDS query verdict postgres metrics cluster wal base
)
