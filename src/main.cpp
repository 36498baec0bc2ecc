#include <mpi.h>

#include <optional>

#include "alphaprune/commands/beginning.hpp"
#include "alphaprune/commands/program.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/parallel/work_process.hpp"
#include "alphaprune/support/standard_streams.hpp"
#include "alphaprune/support/stop.hpp"

int main(int argc, char** argv) {
    using namespace alphaprune;
    open_standard_streams();
    listen_for_stop_signals();  // before MPI starts, which takes a while
    const Beginning beginning = begin_program(argc, argv);
    if (beginning.end) {
        return static_cast<int>(*beginning.end);
    }
    if (beginning.supervised) {
        continue_in_child();
    }
    std::optional<MpiRuntime> mpi;
    if (beginning.starts_mpi) {
        mpi.emplace(argc, argv, beginning.launch);
    }
    const auto world = mpi ? Communicator::view(MPI_COMM_WORLD) : Communicator::alone();
    return static_cast<int>(run_program(world, argc, argv, beginning));
}
