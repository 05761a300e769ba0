# One interface target carries the warnings of every target of ours.
add_library(pgvigil_warnings INTERFACE)
target_compile_options(pgvigil_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(PGVIGIL_WERROR)
  target_compile_options(pgvigil_warnings INTERFACE -Werror)
endif()
# g++ 12 sees an overlap in every `"literal" + std::string` that it inlines (GCC bug 105651, mended in 13). clang-tidy reads these
# flags, too, and knows no such warning; g++ in turn does not mind that it does not know the second one.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(pgvigil_warnings INTERFACE -Wno-restrict -Wno-unknown-warning-option)
endif()
