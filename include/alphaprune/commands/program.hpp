#pragma once

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// The whole program between MPI_Init and MPI_Finalize: understands the request, carries it out,
/// prints what went wrong once. Collective.
ExitStatus run_program(const Communicator& world, int argc, char** argv);

}  // namespace alphaprune
