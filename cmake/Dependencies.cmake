# The only place that knows distributions: whatever Debian 12 and 13 name differently gets one name here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(PostgreSQL REQUIRED)   # PostgreSQL::PostgreSQL is libpq: 15 on Debian 12, 17 on Debian 13
find_package(OpenSSL REQUIRED)
find_package(CURL 7.85 REQUIRED)  # CURL::libcurl
find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(Snappy REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(pugixml REQUIRED)
find_package(CLI11 REQUIRED)
find_package(civetweb REQUIRED)
find_package(date REQUIRED)          # date::date-tz: the time zones that libstdc++ has from GCC 14 on
find_package(prometheus-cpp REQUIRED COMPONENTS core)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)  # no package of these has a CMake target
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# yaml-cpp 0.7 (Debian 12) calls its target yaml-cpp, 0.8 (Debian 13) yaml-cpp::yaml-cpp.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# Either name of the target has been used by pugixml's packages.
if(NOT TARGET pugixml::pugixml)
  add_library(pugixml::pugixml ALIAS pugixml)
endif()

find_library(CRYPT_LIBRARY crypt REQUIRED)  # libxcrypt: bcrypt for basic auth

if(PGVIGIL_TESTS)
  find_package(GTest REQUIRED)
endif()
if(PGVIGIL_BENCH)
  find_package(benchmark REQUIRED)
endif()
