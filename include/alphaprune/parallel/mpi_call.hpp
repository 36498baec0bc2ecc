#pragma once

#include <mpi.h>

#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {

/// Every call of MPI goes through one of these two, but for those of destructors, which may not
/// throw and whose failure nobody could act upon. Communicators and windows are made to return
/// errors (Communicator::view; MPI hands that on to the communicators made from one), so that they
/// end the job like any other error of one rank: in words.

/// What a failed call of MPI is reported as: its name and MPI's text.
support::Error mpi_failure(int code, const char* call);

/// @param call  the name of the function, for the user
/// @throws Error (failure), not agreed: the other ranks know nothing of it
inline void check_mpi(int code, const char* call) {
    if (code != MPI_SUCCESS) {
        throw mpi_failure(code, call);
    }
}

/// For where a failure is no error, as in the watch: a rank may be gone.
inline bool mpi_succeeded(int code) {
    return code == MPI_SUCCESS;
}

}  // namespace alphaprune::parallel
