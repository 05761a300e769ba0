pgvigil_module(postgres
  SOURCES check_connection.cc connection.cc credentials.cc dsn.cc event_loop.cc facts.cc facts_sql.cc handshakes.cc pipeline.cc resolver.cc
          service_file.cc session.cc sqlstate.cc workers.cc
  DEPENDS cluster wal base
  LIBRARIES PostgreSQL::PostgreSQL PkgConfig::PQXX
)
