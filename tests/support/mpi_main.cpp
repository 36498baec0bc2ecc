// Runs GoogleTest on every rank of MPI_COMM_WORLD; see rank_listener.hpp.
#include <gtest/gtest.h>

#include "alphaprune/linalg/blas_kernels.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "support/keep_plugins.hpp"
#include "support/rank_listener.hpp"
#include "support/world.hpp"

int main(int argc, char** argv) {
    alphaprune::linalg::restart_with_better_kernels(argv);
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    testing::InitGoogleTest(&argc, argv);
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new alphaprune::test::RankListener(alphaprune::test::world()));
    const bool failed = RUN_ALL_TESTS() != 0;
    return alphaprune::test::world().any(failed) ? 1 : 0;
}
