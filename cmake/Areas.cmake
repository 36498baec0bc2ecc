# The building blocks: an area is one static library; its tests are one executable, or two where some
# run on several ranks.

add_library(alphaprune_flags INTERFACE)
target_compile_features(alphaprune_flags INTERFACE cxx_std_20)
target_include_directories(alphaprune_flags INTERFACE "${PROJECT_SOURCE_DIR}/include")
target_compile_options(alphaprune_flags INTERFACE
    -Wall -Wextra -Wpedantic $<$<BOOL:${ALPHAPRUNE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlapping copies in std::string where there are none (GCC bug 105651).
    target_compile_options(alphaprune_flags INTERFACE -Wno-restrict)
endif()

# With CMAKE_UNITY_BUILD, as in most presets, so many sources are compiled together: a third of the
# time, most of which goes into the headers that they share. So a name in an unnamed namespace is to be
# the only one of its area, or of its area's tests.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC takes the sources, which are included, for headers, where unnamed namespaces are suspect.
    target_compile_options(alphaprune_flags INTERFACE -Wno-subobject-linkage)
endif()

# With CMAKE_UNITY_BUILD, too, the headers that most sources include are parsed once: half the time of
# what is left. Sources name all that they include; the preset one-definition, which compiles them one
# by one and without this, would find what is missing.
function(alphaprune_precompile KIND)
    cmake_parse_arguments(PCH "" "" "HEADERS;LIBRARIES;OPTIONS" ${ARGN})
    set(nothing "${PROJECT_BINARY_DIR}/precompiled.cpp")
    file(CONFIGURE OUTPUT "${nothing}" CONTENT "")
    add_library(alphaprune_precompiled_${KIND} OBJECT "${nothing}")
    target_link_libraries(alphaprune_precompiled_${KIND} PRIVATE
        alphaprune_flags fmt::fmt ${PCH_LIBRARIES})
    target_compile_options(alphaprune_precompiled_${KIND} PRIVATE ${PCH_OPTIONS})
    target_precompile_headers(alphaprune_precompiled_${KIND} PRIVATE
        <algorithm> <array> <chrono> <cmath> <filesystem> <functional> <limits> <map> <memory>
        <optional> <random> <set> <span> <string> <string_view> <thread> <vector>
        <fmt/format.h> <fmt/ranges.h> ${PCH_HEADERS})
endfunction()
if(CMAKE_UNITY_BUILD)
    alphaprune_precompile(sources)
endif()

# alphaprune_precompiled(TARGET sources|tests|benchmarks): TARGET is compiled with the precompiled headers, if any.
function(alphaprune_precompiled TARGET KIND)
    if(TARGET alphaprune_precompiled_${KIND})
        target_precompile_headers(${TARGET} REUSE_FROM alphaprune_precompiled_${KIND})
    endif()
endfunction()

# alphaprune_area(NAME [EXCEPT a.cpp ...] [LIBRARIES targets_it_owns ...])
# All sources in the folder of the area, which may use every area of the layers below it.
function(alphaprune_area NAME)
    cmake_parse_arguments(AREA "" "" "EXCEPT;LIBRARIES" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "*.cpp")
    list(REMOVE_ITEM sources ${AREA_EXCEPT})
    add_library(alphaprune_${NAME} STATIC ${sources})
    alphaprune_areas_below(${NAME} below)
    list(TRANSFORM below PREPEND alphaprune_)
    target_link_libraries(alphaprune_${NAME}
        PUBLIC alphaprune_flags ${below}
        PRIVATE ${AREA_LIBRARIES})
    target_include_directories(alphaprune_${NAME} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    alphaprune_precompiled(alphaprune_${NAME} sources)
endfunction()

# The areas of the layers below the one that NAME is in.
function(alphaprune_areas_below NAME RESULT)
    set(below)
    foreach(layer IN LISTS ALPHAPRUNE_LAYERS)
        string(REPLACE " " ";" areas "${layer}")
        if(NAME IN_LIST areas)
            set(${RESULT} ${below} PARENT_SCOPE)
            return()
        endif()
        list(PREPEND below ${areas}) # users before what they use, as the linker wants it
    endforeach()
    message(FATAL_ERROR "cmake/Layers.cmake has no area ${NAME}")
endfunction()

# Unbound, since tests run side by side: Open MPI would bind the ranks of every job of one or two to the
# same first cores.
set(ALPHAPRUNE_TEST_ENVIRONMENT
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_btl_base_warn_component_unused=0 OPENBLAS_NUM_THREADS=1
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0")

# alphaprune_test(NAME AREA area [SOURCES a_test.cpp ...] [RANKS 1 2 3 ...] [LONG_RANKS 4 ...]
#                 [LIBRARIES ...] [LABELS ...])
# Tests of one area, which see its own headers too, in one executable NAME_test: without SOURCES, all
# in the folder that no call before this one has named. It is run as unit.NAME, a plain process without
# MPI, or with RANKS as unit.NAME.npN under mpiexec; with LONG_RANKS, too, but labeled long.
function(alphaprune_test NAME)
    cmake_parse_arguments(TEST "" "AREA" "SOURCES;RANKS;LONG_RANKS;LIBRARIES;LABELS" ${ARGN})
    if(NOT TEST_SOURCES)
        file(GLOB TEST_SOURCES CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "*_test.cpp")
        get_property(named DIRECTORY PROPERTY ALPHAPRUNE_NAMED_TESTS)
        list(REMOVE_ITEM TEST_SOURCES ${named})
    endif()
    set_property(DIRECTORY APPEND PROPERTY ALPHAPRUNE_NAMED_TESTS ${TEST_SOURCES})
    add_executable(${NAME}_test ${TEST_SOURCES})
    target_compile_options(${NAME}_test PRIVATE ${ALPHAPRUNE_TEST_OPTIONS})
    alphaprune_precompiled(${NAME}_test tests)
    target_include_directories(${NAME}_test PRIVATE "${PROJECT_SOURCE_DIR}/tests"
        "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/src/${TEST_AREA}")
    target_compile_definitions(${NAME}_test PRIVATE
        ALPHAPRUNE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
        ALPHAPRUNE_PROGRAM="$<TARGET_FILE:alphaprune_mpi>")
    alphaprune_areas_below(${TEST_AREA} areas)
    if(TEST_RANKS)
        set(main alphaprune_test_mpi_main)
    elseif("linalg" IN_LIST areas OR TEST_AREA STREQUAL "linalg")
        set(main alphaprune_test_plain_main)
    else()
        set(main GTest::gtest_main)
    endif()
    target_link_libraries(${NAME}_test PRIVATE
        alphaprune_${TEST_AREA} alphaprune_test_support ${TEST_LIBRARIES} ${main})
    if(NOT TEST_RANKS)
        add_test(NAME unit.${NAME} COMMAND ${NAME}_test)
        set_tests_properties(unit.${NAME} PROPERTIES TIMEOUT 400
            LABELS "unit;${TEST_LABELS}" ENVIRONMENT "${ALPHAPRUNE_TEST_ENVIRONMENT}")
    endif()
    foreach(ranks IN LISTS TEST_RANKS TEST_LONG_RANKS)
        set(test unit.${NAME}.np${ranks})
        add_test(NAME ${test} COMMAND
            ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${NAME}_test>)
        math(EXPR processors "(${ranks} + 1) / 2")  # they wait for each other a good deal
        set(labels unit mpi ${TEST_LABELS})
        if(ranks IN_LIST TEST_LONG_RANKS)
            list(APPEND labels long)
        endif()
        set_tests_properties(${test} PROPERTIES PROCESSORS ${processors} TIMEOUT 600
            LABELS "${labels}" ENVIRONMENT "${ALPHAPRUNE_TEST_ENVIRONMENT}")
    endforeach()
endfunction()
