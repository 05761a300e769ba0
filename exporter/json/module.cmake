pgvigil_module(json
  SOURCES selection.cc
  DEPENDS base
  LIBRARIES nlohmann_json::nlohmann_json
)
