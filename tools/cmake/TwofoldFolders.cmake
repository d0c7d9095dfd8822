# Helpers shared by the folders' CMakeLists.txt.

# The version that both programs print and that every capture names.
configure_file(${CMAKE_SOURCE_DIR}/format/base/version.h.in
               ${CMAKE_BINARY_DIR}/generated/format/base/version.h @ONLY)

# twofold_library(NAME SOURCES...): a static library whose includes start at the repository root.
function(twofold_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
endfunction()

# twofold_program(NAME LIBRARY): one file from main.cc, which can be copied to any Linux of the same architecture. It keeps
# the names of its functions; what only a debugger needs is in NAME.debug beside it.
function(twofold_program name library)
  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE ${library})
  if(TWOFOLD_STATIC)
    target_link_options(${name} PRIVATE -static)
  endif()
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_custom_command(TARGET ${name} POST_BUILD
      COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${name}> $<TARGET_FILE:${name}>.debug
      COMMAND ${CMAKE_OBJCOPY} --strip-debug --add-gnu-debuglink=$<TARGET_FILE:${name}>.debug $<TARGET_FILE:${name}>
      VERBATIM)
  endif()
endfunction()

# twofold_test(NAME LIBRARIES... SOURCES files...): a GoogleTest program, one ctest test per TEST().
function(twofold_test name)
  cmake_parse_arguments(ARG "" "LABEL" "LIBRARIES;SOURCES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    TWOFOLD_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TWOFOLD_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(ARG_LABEL)
    set(properties PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 600)
  else()
    set(properties PROPERTIES LABELS unit TIMEOUT 300)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 ${properties})
endfunction()
