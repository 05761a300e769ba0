pgvigil_module(postgres
  SOURCES credentials.cc dsn.cc event_loop.cc facts.cc session.cc
  DEPENDS cluster wal base
  LIBRARIES PostgreSQL::PostgreSQL
)
