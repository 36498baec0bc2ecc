#pragma once

#include "alphaprune/parallel/launch.hpp"

namespace alphaprune::parallel {

/// Starts MPI when made and ends it when destroyed. One in a program, the first thing in main.
/// From then on a connection whose other end is gone does not end the process (SIGPIPE is ignored):
/// a rank outlives the ranks it communicates with, so that the job watch can report what happened
/// to them, and a run outlives the reader of its standard output.
class MpiRuntime {
  public:
    /// @param launch  for a process alone, the variables of launchers are hidden from MPI: in a
    /// shell of a Slurm job Open MPI would look for a PMI and end the process when it found none;
    /// and Slurm ends the whole shell when a second program connects to its PMIx
    MpiRuntime(int& argc, char**& argv, const Launch& launch = find_launch());
    ~MpiRuntime();
    MpiRuntime(const MpiRuntime&) = delete;
    MpiRuntime& operator=(const MpiRuntime&) = delete;
};

/// Whether MPI may be called from several threads at once; also where MPI is not used at all.
bool supports_threads();

}  // namespace alphaprune::parallel
