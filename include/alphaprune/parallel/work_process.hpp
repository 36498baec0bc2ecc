#pragma once

#include <sys/types.h>

namespace alphaprune::parallel {

/// Returns in a child process, which does all the work. The process that was started stays behind:
/// it hands on the signals that ask for a stop, and ends with the child's status. A child that was
/// killed by a signal, as the kernel kills when memory runs out, has failed: the status is that of
/// a failure, and what has happened is said, unless the ranks that are left have said it and
/// ended the job. To be called before MPI starts, when signals are listened for
/// (support/stop.hpp). Where no other process can be had, this one does the work.
void continue_in_child();

/// What started the program: a shell, mpirun, Slurm.
pid_t launching_process();

}  // namespace alphaprune::parallel
