# Writes version.h anew if the revision has changed; run at every build (cmake -P), as a commit configures nothing.
#
#   cmake -DSOURCE=... -DVERSION=... -DCOMPILER=... -DREVISION=... -DOUTPUT=... -P Revision.cmake
#
# REVISION wins, for whoever builds from an archive; without it Git is asked, and only about SOURCE itself: a repository
# around it says nothing of what is built.
if(REVISION STREQUAL "")
  find_package(Git QUIET)
  if(Git_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} rev-parse --show-prefix
                    OUTPUT_VARIABLE prefix RESULT_VARIABLE outside OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(outside EQUAL 0 AND prefix STREQUAL "")
      execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} describe --always --dirty --exclude=*
                      OUTPUT_VARIABLE REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
  endif()
endif()
if(REVISION STREQUAL "")
  set(REVISION "unknown")
endif()
configure_file(${SOURCE}/exporter/cli/version.h.in ${OUTPUT} @ONLY)
