#include "alphaprune/parallel/runtime.hpp"

#include <mpi.h>

#include <csignal>

#include "alphaprune/parallel/mpi_call.hpp"
#include "launcher.hpp"

namespace alphaprune {

MpiRuntime::MpiRuntime(int& argc, char**& argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const LauncherGuard guard;
    int provided = MPI_THREAD_SINGLE;
    check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
}

MpiRuntime::~MpiRuntime() {
    static_cast<void>(MPI_Finalize());
}

bool supports_threads() {
    int level = MPI_THREAD_SINGLE;
    int started = 0;
    check_mpi(MPI_Initialized(&started), "MPI_Initialized");
    if (started == 0) {
        return true;  // nothing of MPI is called at all
    }
    check_mpi(MPI_Query_thread(&level), "MPI_Query_thread");
    return level == MPI_THREAD_MULTIPLE;
}

}  // namespace alphaprune
