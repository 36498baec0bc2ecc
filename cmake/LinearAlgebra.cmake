# BLAS and LAPACK, as the target LAPACK::LAPACK. BLA_VENDOR chooses (see CMake's FindBLAS): OpenBLAS,
# FlexiBLAS, Intel10_64lp_seq (MKL), AOCL, FLAME (BLIS and libflame), NVPL; without it the first that is
# found, which is LibSci under a compiler wrapper of the Cray Programming Environment. The program asks
# each for one thread, as it shares the cores out itself (src/linalg/arithmetic.cpp).
if(BLA_VENDOR STREQUAL "NVPL" AND CMAKE_VERSION VERSION_LESS 4.1)
    find_package(nvpl REQUIRED COMPONENTS lapack)
    add_library(LAPACK::LAPACK INTERFACE IMPORTED)
    target_link_libraries(LAPACK::LAPACK INTERFACE nvpl::lapack_lp64_seq)
elseif(BLA_VENDOR STREQUAL "AOCL" AND CMAKE_VERSION VERSION_LESS 3.27)
    find_library(AOCL_BLIS_LIBRARY NAMES blis HINTS ENV AOCL_ROOT PATH_SUFFIXES lib REQUIRED)
    find_library(AOCL_FLAME_LIBRARY NAMES flame HINTS ENV AOCL_ROOT PATH_SUFFIXES lib REQUIRED)
    find_library(AOCL_UTILS_LIBRARY NAMES aoclutils HINTS ENV AOCL_ROOT PATH_SUFFIXES lib)
    mark_as_advanced(AOCL_BLIS_LIBRARY AOCL_FLAME_LIBRARY AOCL_UTILS_LIBRARY)
    add_library(LAPACK::LAPACK INTERFACE IMPORTED)
    target_link_libraries(LAPACK::LAPACK INTERFACE "${AOCL_FLAME_LIBRARY}" "${AOCL_BLIS_LIBRARY}")
    if(AOCL_UTILS_LIBRARY)
        target_link_libraries(LAPACK::LAPACK INTERFACE "${AOCL_UTILS_LIBRARY}")
    endif()
else()
    find_package(LAPACK REQUIRED)
endif()
