pgvigil_module(scrape
  SOURCES
  DEPENDS observe query verdict postgres metrics cluster wal base
  LIBRARIES ZLIB::ZLIB
)
