# One static library per folder, one test binary per folder, warnings only for our own code.
add_library(rn_warnings INTERFACE)
target_compile_options(rn_warnings INTERFACE -Wall -Wextra -Wno-missing-field-initializers
  -Wno-unused-parameter $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

# rn_module(<folder> DEPS <targets…> [EXCLUDE <files with a main>…]): library rn_<folder> from *.cc.
function(rn_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;EXCLUDE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(excluded IN LISTS ARG_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${excluded})
  endforeach()
  if(NOT sources)
    add_library(rn_${name} INTERFACE)
    target_link_libraries(rn_${name} INTERFACE ${ARG_DEPS})
    return()
  endif()
  add_library(rn_${name} STATIC ${sources})
  target_include_directories(rn_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(rn_${name} PUBLIC ${ARG_DEPS} PRIVATE rn_warnings)
endfunction()

# rn_program(<name> <main.cc> DEPS <targets…>)
function(rn_program name main)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name} ${main})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} rn_warnings)
endfunction()

# rn_test(<folder> DEPS <targets…> [TIMEOUT s] [LABELS …] [FIXTURES …]): binary <folder>_test from *_test.cc here.
function(rn_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;LABELS;FIXTURES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name}_test ${sources})
  target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} rn_warnings GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name}_test PRIVATE RN_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    RN_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${name};${ARG_LABELS}"
      FIXTURES_REQUIRED "${ARG_FIXTURES}"
      ENVIRONMENT "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
      ENVIRONMENT_MODIFICATION "TSAN_OPTIONS=set:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
endfunction()
