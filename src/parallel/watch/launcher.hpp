#pragma once

#include <sys/types.h>

#include <optional>

#include "process_identity.hpp"

namespace alphaprune::parallel {

/// The process of Open MPI that started this rank on this host.
struct Launcher {
    ProcessIdentity process;
    /// mpirun itself, which serves this job alone; otherwise the daemon it started on this host.
    bool is_mpirun = false;
};

/// What started the program: a shell, mpirun, Slurm. Not the supervisor (job_watch.hpp).
pid_t launching_process();

/// That process, when it is a launcher that this job may have to end.
std::optional<Launcher> find_launcher();

/// Starts a small process, apart from the job, that ends the launcher if it is still there some
/// seconds later. For a job that has lost a host: after MPI_Abort, mpirun waits without end for the
/// daemon of that host, also when told to stop, and that daemon waits for mpirun.
void end_launcher_later(const Launcher& launcher);

/// For the time in which MPI starts. If this process is killed meanwhile, a small process apart
/// from the job ends the launcher, should it still be there twenty seconds later: Open MPI 4.1's
/// mpirun ends the other ranks and says so, but may then wait for ever, for a lock that it took
/// when the killed rank made itself known.
class LauncherGuard {
  public:
    LauncherGuard();
    LauncherGuard(const LauncherGuard&) = delete;
    LauncherGuard& operator=(const LauncherGuard&) = delete;
    ~LauncherGuard();

  private:
    pid_t guard_ = 0;  ///< 0: there is no launcher to end
};

}  // namespace alphaprune::parallel
