pgvigil_module(cluster
  SOURCES backup.cc objectives.cc position_clock.cc schedule.cc schedule_text.cc time_zone.cc
  DEPENDS wal base
  LIBRARIES date::date-tz
)
