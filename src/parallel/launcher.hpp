#pragma once

#include <optional>

#include "process_mark.hpp"

namespace alphaprune {

/// Open MPI's process that started this rank on this host.
struct Launcher {
    ProcessMark process;
    /// mpirun itself, which serves this job alone; otherwise the daemon it started on this host.
    bool is_mpirun = false;
};

/// The parent of this process, when it is a launcher that this job may have to end.
std::optional<Launcher> find_launcher();

/// Starts a small process, apart from the job, that ends the launcher if it is still there some
/// seconds later. For a job that has lost a host: after MPI_Abort, mpirun waits without end for the
/// daemon of that host, also when told to stop, and that daemon waits for mpirun.
void end_launcher_later(const Launcher& launcher);

}  // namespace alphaprune
