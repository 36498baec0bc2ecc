#pragma once

#include "alphaprune/commands/beginning.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::commands {

/// The whole program after its beginning, between MPI_Init and MPI_Finalize where MPI is used:
/// understands the request, carries it out, prints what went wrong once. Collective.
support::ExitStatus run_program(const parallel::Communicator& world, int argc, char** argv,
                                const Beginning& beginning);

}  // namespace alphaprune::commands
