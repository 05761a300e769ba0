# What `cmake --install` leaves, beside the program: the bundle that it reads or that is made for it, the documentation in the
# tree's own order, so that its links hold, and a systemd unit.
set(data ${CMAKE_INSTALL_DATADIR}/pgvigil)
install(DIRECTORY queries DESTINATION ${data} FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY alerts/rules alerts/runbooks alerts/alertmanager DESTINATION ${data}/alerts)
install(DIRECTORY dashboards DESTINATION ${data} FILES_MATCHING PATTERN "*.json")
install(FILES docs/pgvigil.schema.json DESTINATION ${data})

install(FILES README.md CHANGELOG.md LICENSE ARCHITECTURE.md CONTRIBUTING.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN "pgvigil.schema.json" EXCLUDE)

# The unit names the program by its path, which `cmake --install --prefix` may still change.
install(CODE "
  set(BINDIR \"\${CMAKE_INSTALL_PREFIX}\")
  cmake_path(APPEND BINDIR \"${CMAKE_INSTALL_BINDIR}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/packaging/pgvigil.service.in\" \"${PROJECT_BINARY_DIR}/pgvigil.service\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/pgvigil.service DESTINATION lib/systemd/system)
