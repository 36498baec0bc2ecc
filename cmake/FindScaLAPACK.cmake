# ScaLAPACK with its BLACS, as the target ScaLAPACK::ScaLAPACK.
# Hint: ScaLAPACK_ROOT. Debian's library is called scalapack-openmpi.
include(FindPackageHandleStandardArgs)
find_library(ScaLAPACK_LIBRARY NAMES scalapack-openmpi scalapack-mpich scalapack)
find_package_handle_standard_args(ScaLAPACK REQUIRED_VARS ScaLAPACK_LIBRARY)
mark_as_advanced(ScaLAPACK_LIBRARY)

if(ScaLAPACK_FOUND AND NOT TARGET ScaLAPACK::ScaLAPACK)
    add_library(ScaLAPACK::ScaLAPACK UNKNOWN IMPORTED)
    set_target_properties(ScaLAPACK::ScaLAPACK PROPERTIES IMPORTED_LOCATION "${ScaLAPACK_LIBRARY}")
    target_link_libraries(ScaLAPACK::ScaLAPACK INTERFACE LAPACK::LAPACK MPI::MPI_C)
endif()
