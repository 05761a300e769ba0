pgvigil_module(observe
  SOURCES archive_observer.cc archive_readings.cc archive_reports.cc cluster_observer.cc instance_observer.cc observer.cc
  DEPENDS query failover verdict archive objectstore http postgres metrics cluster wal base
)
