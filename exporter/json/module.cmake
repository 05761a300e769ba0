pgvigil_module(json LIBRARIES nlohmann_json::nlohmann_json)
