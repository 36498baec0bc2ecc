# The house's building blocks: an area is one static library, a test one executable run at several
# rank counts.

add_library(alphaprune_flags INTERFACE)
target_compile_features(alphaprune_flags INTERFACE cxx_std_20)
target_include_directories(alphaprune_flags INTERFACE "${PROJECT_SOURCE_DIR}/include")
target_compile_options(alphaprune_flags INTERFACE
    -Wall -Wextra -Wpedantic $<$<BOOL:${ALPHAPRUNE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlapping copies in std::string where there are none (GCC bug 105651).
    target_compile_options(alphaprune_flags INTERFACE -Wno-restrict)
endif()

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

set(ALPHAPRUNE_TEST_ENVIRONMENT
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_btl_base_warn_component_unused=0 OPENBLAS_NUM_THREADS=1
    ASAN_OPTIONS=fast_unwind_on_malloc=0
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0")

# alphaprune_test(NAME SOURCES a_test.cpp ... USES areas ... [RANKS 1 2 3 ...] [LABELS ...])
# Without RANKS the test runs as one plain process without MPI.
function(alphaprune_test NAME)
    cmake_parse_arguments(TEST "" "" "SOURCES;USES;RANKS;LABELS" ${ARGN})
    add_executable(${NAME} ${TEST_SOURCES})
    # Quicker to build; under the sanitizers, which multiply that, by half.
    target_compile_options(${NAME} PRIVATE $<$<CONFIG:Release>:-O1> $<$<CONFIG:Debug>:-O0>)
    list(TRANSFORM TEST_USES PREPEND alphaprune_)
    target_include_directories(${NAME} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_compile_definitions(${NAME} PRIVATE
        ALPHAPRUNE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
        ALPHAPRUNE_PROGRAM="$<TARGET_FILE:alphaprune_mpi>")
    if(TEST_RANKS)
        target_link_libraries(${NAME} PRIVATE ${TEST_USES} alphaprune_test_mpi_main)
        foreach(ranks IN LISTS TEST_RANKS)
            set(test ${NAME}.np${ranks})
            add_test(NAME ${test} COMMAND
                ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${NAME}>)
            math(EXPR processors "(${ranks} + 1) / 2")  # they wait for each other a good deal
            set_tests_properties(${test} PROPERTIES PROCESSORS ${processors} TIMEOUT 240
                LABELS "unit;mpi;${TEST_LABELS}" ENVIRONMENT "${ALPHAPRUNE_TEST_ENVIRONMENT}")
        endforeach()
    else()
        target_link_libraries(${NAME} PRIVATE ${TEST_USES} alphaprune_flags GTest::gtest_main)
        add_test(NAME ${NAME} COMMAND ${NAME})
        set_tests_properties(${NAME} PROPERTIES TIMEOUT 240
            LABELS "unit;${TEST_LABELS}" ENVIRONMENT "${ALPHAPRUNE_TEST_ENVIRONMENT}")
    endif()
endfunction()
