#pragma once

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::test {

/// All ranks of the test.
inline const Communicator& world() {
    static const Communicator all = Communicator::view(MPI_COMM_WORLD);
    return all;
}

}  // namespace alphaprune::test
