# Every library the program depends on, found once, as imported targets.
find_package(MPI REQUIRED COMPONENTS C CXX)
include(CheckSymbolExists)
include(CMakePushCheckState)
cmake_push_check_state(RESET)
set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
check_symbol_exists(OPEN_MPI mpi.h ALPHAPRUNE_OPEN_MPI)  # else MPICH or one of its kind
cmake_pop_check_state()
find_package(Threads REQUIRED)
include(LinearAlgebra)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
# The headers of spdlog on fmt::fmt, as its library may have been built with another fmt inside.
target_compile_definitions(spdlog::spdlog_header_only INTERFACE SPDLOG_FMT_EXTERNAL)
find_package(nlohmann_json REQUIRED)
find_package(Boost CONFIG REQUIRED COMPONENTS program_options)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
# Debian keeps serial and parallel HDF5 side by side, the parallel one for each MPI; the pkg-config
# name is the only way to ask for the right one without guessing paths.
if(ALPHAPRUNE_OPEN_MPI)
    pkg_search_module(hdf5_mpi REQUIRED IMPORTED_TARGET hdf5-openmpi hdf5)
else()
    pkg_search_module(hdf5_mpi REQUIRED IMPORTED_TARGET hdf5-mpich hdf5)
endif()

# Optional libraries: ALPHAPRUNE_WITH_X is AUTO (used where found), ON (required) or OFF; whether it is
# used is said by ALPHAPRUNE_HAS_X, and by the program's --version.
macro(alphaprune_optional NAME PACKAGE PURPOSE)
    set(ALPHAPRUNE_WITH_${NAME} AUTO CACHE STRING "${PURPOSE}: AUTO, ON or OFF")
    set_property(CACHE ALPHAPRUNE_WITH_${NAME} PROPERTY STRINGS AUTO ON OFF)
    set(ALPHAPRUNE_HAS_${NAME} FALSE)
    if(ALPHAPRUNE_WITH_${NAME} STREQUAL "AUTO")
        find_package(${PACKAGE})
        set(ALPHAPRUNE_HAS_${NAME} ${${PACKAGE}_FOUND})
    elseif(ALPHAPRUNE_WITH_${NAME})
        find_package(${PACKAGE} REQUIRED)
        set(ALPHAPRUNE_HAS_${NAME} TRUE)
    endif()
endmacro()

alphaprune_optional(SCALAPACK ScaLAPACK
    "Matrices distributed over ranks: solver scalapack, block-cyclic Cholesky factors")
alphaprune_optional(ELPA ELPA "Solvers elpa1 and elpa2 (with ScaLAPACK only)")
alphaprune_optional(ONEDNN OneDNN "Products of activations and weights in bfloat16")
alphaprune_optional(SENTENCEPIECE SentencePiece "Text for models with a tokenizer.model and no tokenizer.json")
