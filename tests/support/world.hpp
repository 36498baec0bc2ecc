#pragma once

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/team.hpp"

namespace alphaprune::test {

/// All ranks of the test.
inline const parallel::Communicator& world() {
    static const parallel::Communicator all = parallel::view(MPI_COMM_WORLD);
    return all;
}

/// This rank by itself, with one thread.
inline const parallel::Team& lone_team() {
    static const parallel::Team team(parallel::Communicator::alone());
    return team;
}

}  // namespace alphaprune::test
