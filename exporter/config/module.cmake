pgvigil_module(config
  SOURCES config.cc keys.cc reference.cc
  DEPENDS web scrape observe query postgres yaml cluster wal base
  LIBRARIES nlohmann_json::nlohmann_json
)
