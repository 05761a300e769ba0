find_package(Git QUIET)
set(PGVIGIL_REVISION "unknown")
if(Git_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short HEAD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                  OUTPUT_VARIABLE PGVIGIL_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
configure_file(cli/version.h.in ${PROJECT_BINARY_DIR}/generated/cli/version.h @ONLY)

pgvigil_module(cli
  SOURCES check.cc check_server.cc command_line.cc exporter.cc families_exporter.cc metrics_reference.cc scrape.cc serve.cc
  DEPENDS config web scrape observe query verdict postgres metrics cluster wal base
  LIBRARIES CLI11::CLI11
)
target_include_directories(pgvigil_cli PRIVATE ${PROJECT_BINARY_DIR}/generated)
