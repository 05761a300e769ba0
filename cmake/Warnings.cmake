# One interface target carries the warnings of every target of ours.
add_library(pgvigil_warnings INTERFACE)
target_compile_options(pgvigil_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(PGVIGIL_WERROR)
  target_compile_options(pgvigil_warnings INTERFACE -Werror)
endif()
