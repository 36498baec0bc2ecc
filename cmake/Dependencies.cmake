# Every library the program stands on, found once, as imported targets.
find_package(MPI REQUIRED COMPONENTS C CXX)
find_package(Threads REQUIRED)
find_package(LAPACK REQUIRED)
find_package(ScaLAPACK REQUIRED)
find_package(ELPA REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
# The headers of spdlog on fmt::fmt, as its library may have been built with another fmt inside.
target_compile_definitions(spdlog::spdlog_header_only INTERFACE SPDLOG_FMT_EXTERNAL)
find_package(nlohmann_json REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
# Debian keeps serial and parallel HDF5 side by side; the pkg-config name is the only way to ask for
# the MPI one without guessing paths.
pkg_search_module(hdf5_mpi REQUIRED IMPORTED_TARGET hdf5-openmpi hdf5-mpich hdf5)
