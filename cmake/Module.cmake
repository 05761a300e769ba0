# pgvigil_module(<name> [SOURCES file...] [DEPENDS module...] [LIBRARIES target...])
#
# One folder of exporter/ as one static library. Its headers are seen as "<name>/file.h" through an include directory of
# its own, which holds nothing but a link to the folder: a module can include only what it links, so an arrow that
# ARCHITECTURE.md does not draw fails to compile.
function(pgvigil_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(include_root ${PROJECT_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${include_root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${include_root}/${name} SYMBOLIC)
  list(TRANSFORM ARG_SOURCES PREPEND ${name}/)
  set(depends ${ARG_DEPENDS})
  list(TRANSFORM depends PREPEND pgvigil_)
  if(ARG_SOURCES)
    add_library(pgvigil_${name} STATIC ${ARG_SOURCES})
    target_include_directories(pgvigil_${name} PUBLIC ${include_root})
    target_link_libraries(pgvigil_${name} PUBLIC ${depends} PRIVATE ${ARG_LIBRARIES} pgvigil_warnings)
  else()
    add_library(pgvigil_${name} INTERFACE)
    target_include_directories(pgvigil_${name} INTERFACE ${include_root})
    target_link_libraries(pgvigil_${name} INTERFACE ${depends} ${ARG_LIBRARIES})
  endif()
endfunction()
