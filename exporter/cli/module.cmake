set(version_header ${PROJECT_BINARY_DIR}/generated/cli/version.h)
add_custom_target(pgvigil_version BYPRODUCTS ${version_header} VERBATIM
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION} -DREVISION=${PGVIGIL_REVISION}
          "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" -DOUTPUT=${version_header}
          -P ${PROJECT_SOURCE_DIR}/cmake/Revision.cmake)

pgvigil_module(cli
  SOURCES audit.cc audit_content.cc audit_json.cc audit_reading.cc audit_report.cc audit_text.cc check.cc check_archiving.cc check_server.cc command_line.cc exporter.cc
          families_exporter.cc metrics_reference.cc progress.cc scrape.cc serve.cc status.cc status_text.cc words.cc
  DEPENDS config web scrape observe query failover verdict archive objectstore http postgres metrics cluster wal base
  LIBRARIES CLI11::CLI11 nlohmann_json::nlohmann_json OpenSSL::Crypto
)
target_include_directories(pgvigil_cli PRIVATE ${PROJECT_BINARY_DIR}/generated)
add_dependencies(pgvigil_cli pgvigil_version)
