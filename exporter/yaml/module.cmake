pgvigil_module(yaml
  SOURCES document.cc form.cc
  DEPENDS base
  LIBRARIES yaml-cpp::yaml-cpp
)
