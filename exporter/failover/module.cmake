pgvigil_module(failover
  SOURCES classifier.cc journal.cc journal_file.cc journal_line.cc
  DEPENDS verdict json cluster wal base
  LIBRARIES nlohmann_json::nlohmann_json
)
