#include <mpi.h>

#include "alphaprune/commands/program.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/parallel/work_process.hpp"
#include "alphaprune/support/standard_streams.hpp"
#include "alphaprune/support/stop.hpp"

int main(int argc, char** argv) {
    alphaprune::open_standard_streams();
    alphaprune::listen_for_stop_signals();  // before MPI starts, which takes a while
    alphaprune::continue_in_child();
    const alphaprune::MpiRuntime runtime(argc, argv);
    const auto world = alphaprune::Communicator::view(MPI_COMM_WORLD);
    return static_cast<int>(alphaprune::run_program(world, argc, argv));
}
