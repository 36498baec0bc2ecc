#include "alphaprune/parallel/runtime.hpp"

#include <mpi.h>

#include <csignal>

#include "launcher.hpp"

namespace alphaprune {

MpiRuntime::MpiRuntime(int& argc, char**& argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const LauncherGuard guard;
    int provided = MPI_THREAD_SINGLE;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
}

MpiRuntime::~MpiRuntime() {
    MPI_Finalize();
}

bool supports_threads() {
    int level = MPI_THREAD_SINGLE;
    MPI_Query_thread(&level);
    return level == MPI_THREAD_MULTIPLE;
}

}  // namespace alphaprune
