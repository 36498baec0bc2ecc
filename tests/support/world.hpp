#pragma once

#include "alphaprune/parallel/native_mpi.hpp"

namespace alphaprune::test {

/// All ranks of the test.
inline const parallel::Communicator& world() {
    static const parallel::Communicator all = parallel::view(MPI_COMM_WORLD);
    return all;
}

}  // namespace alphaprune::test
