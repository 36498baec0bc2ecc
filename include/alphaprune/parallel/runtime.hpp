#pragma once

#include <optional>

#include "alphaprune/support/environment.hpp"

namespace alphaprune::parallel {

/// How this process was started, as far as its environment tells: known before MPI is started, and
/// whether it has to be.
struct Launch {
    enum class Kind {
        alone,        ///< by a shell, or as the only one of a launcher: one rank, MPI or not
        in_job,       ///< as one of several, or perhaps so: MPI finds the others
        unconnected,  ///< as one of several, and MPI would not find the others
    };
    Kind kind = Kind::alone;
    std::optional<int> rank{};   ///< as the launcher counts; nothing: it does not tell
    std::optional<int> ranks{};  ///< that the launcher has started; nothing: it does not tell
    bool by_mpirun = false;      ///< Open MPI's, which prepares MPI for a process alone, too

    /// Of several processes that end before MPI is started, the one that says why.
    bool speaks() const { return rank.value_or(0) == 0; }
};

/// What MPI needs to find the other tasks of a Slurm step.
enum class SlurmSupport {
    pmi,   ///< variables of PMI or PMIx, which only srun --mpi=pmix and the like set
    none,  ///< nothing that can be told from outside
};

/// By the variables of Open MPI, MVAPICH, MPICH and Intel MPI (PMI), HPE's PALS and ALPS, Flux,
/// jsrun, PMIx and Slurm. Of launchers inside each other, as mpirun in a Slurm job, the innermost
/// counts.
Launch launch_of(const support::EnvironmentLookup& environment, SlurmSupport support);

/// Of this process.
Launch find_launch();

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
