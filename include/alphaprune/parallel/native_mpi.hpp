#pragma once

#include <mpi.h>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

// The only header that exposes MPI: for main.cpp, which owns the world communicator, for libraries
// that take an MPI communicator (BLACS, ELPA in linalg), and for the sources of parallel itself.

namespace alphaprune::parallel {

/// Does not free `handle`, which must outlive the object. From now on errors of MPI on it, and on
/// what is made from it, are thrown as Error (failure).
Communicator view(MPI_Comm handle);

/// MPI_COMM_NULL when `ranks` is Communicator::alone().
MPI_Comm native(const Communicator& ranks);

/// Every call of MPI goes through one of the next two, but for those of destructors, which may not
/// throw and whose failure nobody could act upon. Communicators and windows are made to return
/// errors (view; MPI passes that on to the communicators made from one), so that they end the job
/// like any other error of one rank: with a message.
/// @param call  the name of the function, for the user
/// @throws Error (failure), not agreed: the other ranks know nothing of it
void check_mpi(int code, const char* call);

/// For where a failure is no error, as in the watch: a rank may be gone.
inline bool mpi_succeeded(int code) {
    return code == MPI_SUCCESS;
}

}  // namespace alphaprune::parallel
