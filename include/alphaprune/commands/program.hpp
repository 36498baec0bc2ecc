#pragma once

#include <optional>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::commands {

/// What is known, and done, before MPI is started, which takes a while and fails where no launcher
/// has prepared it: on login nodes, in interactive shells of a Slurm job.
struct Beginning {
    parallel::Launch launch;
    /// Set when the program is over: everything has been said, and this is its status.
    std::optional<support::ExitStatus> end;
    bool starts_mpi = true;
    /// Whether another process supervises this one (parallel/work_process.hpp).
    bool supervised = true;
    /// The request of a single process. Several processes agree on theirs later: only rank 0 may
    /// see the configuration file and the environment.
    std::optional<cli::Options> options;
};

/// Answers --help and --version, and reports what is wrong with the command line (of a single
/// process: with the whole request). Of several processes only the first one prints; the others end
/// silently with status `done`, so that no launcher ends the first one before it has printed.
Beginning begin_program(int argc, char** argv);

/// The whole program after its beginning, between MPI_Init and MPI_Finalize where MPI is used:
/// reads the request, carries it out, prints errors once. Collective.
support::ExitStatus run_program(const parallel::Communicator& world, int argc, char** argv,
                                const Beginning& beginning);

}  // namespace alphaprune::commands
