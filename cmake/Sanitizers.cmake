# PGVIGIL_SANITIZE=address builds with ASan and UBSan, =thread with TSan. Both end the process at the first finding.
if(PGVIGIL_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(PGVIGIL_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT PGVIGIL_SANITIZE STREQUAL "")
  message(FATAL_ERROR "PGVIGIL_SANITIZE is '${PGVIGIL_SANITIZE}': expected nothing, address or thread")
endif()

# The modules tell libFuzzer which way an input took; the targets of tests/fuzz alone are linked with it.
if(PGVIGIL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "PGVIGIL_FUZZ takes clang, found ${CMAKE_CXX_COMPILER_ID}: use the preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
