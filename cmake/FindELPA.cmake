# ELPA, as the target ELPA::ELPA (MPI version, without OpenMP); it needs ScaLAPACK.
# Hint: ELPA_ROOT, or pkg-config's elpa.
include(FindPackageHandleStandardArgs)
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(PC_ELPA QUIET elpa)
endif()
find_path(ELPA_INCLUDE_DIR NAMES elpa/elpa.h HINTS ${PC_ELPA_INCLUDE_DIRS} PATH_SUFFIXES elpa)
find_library(ELPA_LIBRARY NAMES elpa HINTS ${PC_ELPA_LIBRARY_DIRS})
mark_as_advanced(ELPA_INCLUDE_DIR ELPA_LIBRARY)

# A library of another MPI links, and ends every run: Debian has ELPA for Open MPI alone.
set(ELPA_FITS_MPI TRUE)
if(ELPA_LIBRARY)
    file(STRINGS "${ELPA_LIBRARY}" needed REGEX "^libmpi(ch)?\\.so\\.[0-9]+$")
    foreach(library IN LISTS MPI_C_LIBRARIES)
        file(REAL_PATH "${library}" library)
        cmake_path(GET library FILENAME file)
        list(APPEND mpi_files "${file}")
    endforeach()
    foreach(name IN LISTS needed)
        if(NOT mpi_files MATCHES "(^|;)${name}")
            set(ELPA_FITS_MPI FALSE)
        endif()
    endforeach()
endif()
find_package_handle_standard_args(ELPA
    REQUIRED_VARS ELPA_LIBRARY ELPA_INCLUDE_DIR ELPA_FITS_MPI ScaLAPACK_FOUND
    VERSION_VAR PC_ELPA_VERSION)

if(ELPA_FOUND AND NOT TARGET ELPA::ELPA)
    add_library(ELPA::ELPA UNKNOWN IMPORTED)
    set_target_properties(ELPA::ELPA PROPERTIES
        IMPORTED_LOCATION "${ELPA_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${ELPA_INCLUDE_DIR}")
    target_link_libraries(ELPA::ELPA INTERFACE ScaLAPACK::ScaLAPACK)
endif()
