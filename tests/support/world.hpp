#pragma once

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::test {

/// All ranks of the test.
inline const parallel::Communicator& world() {
    static const parallel::Communicator all = parallel::Communicator::view(MPI_COMM_WORLD);
    return all;
}

}  // namespace alphaprune::test
