#pragma once

#include "alphaprune/parallel/launch.hpp"

namespace alphaprune::parallel {

/// Starts MPI when made and ends it when destroyed. One in a program, the first thing in main.
/// From then on a connection whose other end is gone does not end the process (SIGPIPE): a rank
/// outlives the ranks that it talks to, so that the job watch can say what happened to them, and a
/// run outlives who reads its standard output.
class MpiRuntime {
  public:
    /// @param launch  of a process alone, MPI is not told of what is around it: in a shell of a
    /// Slurm job Open MPI would look for a PMI and end the process when it found none; and Slurm
    /// ends the whole shell when a second program talks to its PMIx
    MpiRuntime(int& argc, char**& argv, const Launch& launch = find_launch());
    ~MpiRuntime();
    MpiRuntime(const MpiRuntime&) = delete;
    MpiRuntime& operator=(const MpiRuntime&) = delete;
};

/// Whether MPI may be called from several threads at once; also where MPI is not used at all.
bool supports_threads();

}  // namespace alphaprune::parallel
