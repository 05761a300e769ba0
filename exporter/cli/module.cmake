pgvigil_module(cli
  SOURCES
  DEPENDS config web scrape observe query verdict postgres metrics cluster base
  LIBRARIES CLI11::CLI11 nlohmann_json::nlohmann_json
)
