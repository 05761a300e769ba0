pgvigil_module(config
  SOURCES build.cc config.cc environment.cc keys.cc redacted.cc reference.cc
  DEPENDS web scrape observe query postgres yaml cluster wal base
  LIBRARIES nlohmann_json::nlohmann_json
)
