#pragma once

#include <optional>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/launch.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::commands {

/// What is known, and done, before MPI is started, which takes a while and fails where a launcher
/// has not prepared it: on login nodes, in interactive shells of a Slurm job.
struct Beginning {
    parallel::Launch launch;
    /// The program is over: with this status, what was to be said has been said.
    std::optional<support::ExitStatus> end;
    bool starts_mpi = true;
    /// Whether a process waits beside this one (parallel/work_process.hpp).
    bool supervised = true;
    /// The request of a process alone. Several agree on theirs later: configuration file and
    /// environment may be there for rank 0 only.
    std::optional<cli::Options> options;
};

/// Answers --help and --version, and says what is wrong with the command line (of a process alone:
/// with the whole request). Of several processes only the first one speaks; the others come to the
/// same end in silence, with status `done`, so that no launcher ends the first one before it has
/// spoken.
Beginning begin_program(int argc, char** argv);

}  // namespace alphaprune::commands
