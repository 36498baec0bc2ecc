#pragma once

#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "command_line.hpp"

namespace alphaprune::benchmark {

/// Measures, on all ranks, what the command line asks for.
/// @param request_of  (argc, argv, whether this rank speaks): nothing when only help was asked for
/// @return the exit status
template <class RequestOf, class Measure>
int mpi_main(int argc, char** argv, RequestOf request_of, Measure measure) {
    linalg::restart_with_better_kernels(argv);
    parallel::MpiRuntime runtime(argc, argv);
    const auto world = parallel::view(MPI_COMM_WORLD);
    return status_of(world, [&] {
        if (const auto request = request_of(argc, argv, world.is_root())) {
            measure(world, *request);
        }
    });
}

}  // namespace alphaprune::benchmark
