pgvigil_module(config
  SOURCES archives.cc build.cc config.cc environment.cc keys.cc redacted.cc reference.cc schedules.cc
  DEPENDS web scrape observe query verdict archive objectstore postgres yaml cluster wal base
  LIBRARIES nlohmann_json::nlohmann_json
)
