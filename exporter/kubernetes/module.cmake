pgvigil_module(kubernetes
  SOURCES access.cc cnpg_objects.cc watch.cc
  DEPENDS http yaml json cluster base
  LIBRARIES nlohmann_json::nlohmann_json
)
