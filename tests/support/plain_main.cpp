// Runs GoogleTest without MPI, with the kernels of the BLAS that suit the processor.
#include <gtest/gtest.h>

#include "alphaprune/linalg/blas_kernels.hpp"

int main(int argc, char** argv) {
    alphaprune::linalg::restart_with_better_kernels(argv);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
