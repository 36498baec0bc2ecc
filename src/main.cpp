#include <optional>

#include "alphaprune/commands/program.hpp"
#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/stop.hpp"

int main(int argc, char** argv) {
    using namespace alphaprune;
    support::hold_stop_signals();
    linalg::restart_with_better_kernels(argv);
    support::open_standard_streams();
    support::listen_for_stop_signals();  // before MPI starts, which takes a while
    const commands::Beginning beginning = commands::begin_program(argc, argv);
    if (beginning.end) {
        return static_cast<int>(*beginning.end);
    }
    if (beginning.supervised) {
        parallel::continue_in_child();
    }
    std::optional<parallel::MpiRuntime> mpi;
    if (beginning.starts_mpi) {
        mpi.emplace(argc, argv, beginning.launch);
    }
    const auto world = mpi ? parallel::view(MPI_COMM_WORLD) : parallel::Communicator::alone();
    return static_cast<int>(commands::run_program(world, argc, argv, beginning));
}
