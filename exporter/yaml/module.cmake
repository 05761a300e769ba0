pgvigil_module(yaml
  SOURCES document.cc
  DEPENDS base
  LIBRARIES yaml-cpp::yaml-cpp
)
