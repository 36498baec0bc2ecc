# ScaLAPACK with its BLACS, as the target ScaLAPACK::ScaLAPACK, for the MPI and LAPACK already found.
# Hint: ScaLAPACK_ROOT. Cray's LibSci has it in the library of LAPACK; MKL has a BLACS for each MPI;
# Debian names its libraries by the MPI.
include(CheckFunctionExists)
include(CMakePushCheckState)
include(FindPackageHandleStandardArgs)

cmake_push_check_state(RESET)
set(CMAKE_REQUIRED_LIBRARIES LAPACK::LAPACK MPI::MPI_C)
check_function_exists(pdsyrk_ ScaLAPACK_IN_LAPACK)
cmake_pop_check_state()

if(ALPHAPRUNE_OPEN_MPI)
    set(mpi openmpi)
    set(mkl_mpi openmpi)
else()
    set(mpi mpich)
    set(mkl_mpi intelmpi)  # of MPICH's ABI
endif()
if(ScaLAPACK_IN_LAPACK)
    set(ScaLAPACK_LIBRARY "" CACHE STRING "Libraries of ScaLAPACK")
    find_package_handle_standard_args(ScaLAPACK REQUIRED_VARS ScaLAPACK_IN_LAPACK)
elseif(BLA_VENDOR MATCHES "^Intel")
    find_library(ScaLAPACK_LIBRARY NAMES mkl_scalapack_lp64 HINTS ENV MKLROOT PATH_SUFFIXES lib)
    find_library(ScaLAPACK_BLACS_LIBRARY NAMES mkl_blacs_${mkl_mpi}_lp64
                 HINTS ENV MKLROOT PATH_SUFFIXES lib)
    mark_as_advanced(ScaLAPACK_BLACS_LIBRARY)
    find_package_handle_standard_args(ScaLAPACK
        REQUIRED_VARS ScaLAPACK_LIBRARY ScaLAPACK_BLACS_LIBRARY)
else()
    find_library(ScaLAPACK_LIBRARY NAMES scalapack-${mpi} scalapack)
    find_package_handle_standard_args(ScaLAPACK REQUIRED_VARS ScaLAPACK_LIBRARY)
endif()
mark_as_advanced(ScaLAPACK_LIBRARY)

if(ScaLAPACK_FOUND AND NOT TARGET ScaLAPACK::ScaLAPACK)
    add_library(ScaLAPACK::ScaLAPACK INTERFACE IMPORTED)
    target_link_libraries(ScaLAPACK::ScaLAPACK INTERFACE
        ${ScaLAPACK_LIBRARY} ${ScaLAPACK_BLACS_LIBRARY} LAPACK::LAPACK MPI::MPI_C)
endif()
