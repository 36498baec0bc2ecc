// Compiled for any processor: 16 bytes is what all of them have.
#include "chase_kernel.hpp"

namespace alphaprune::linalg::two_stage {

const KernelSet kBaselineKernels{"baseline", kernels_for<double, 2, 4, 2>(),
                                 kernels_for<float, 4, 4, 2>()};

}  // namespace alphaprune::linalg::two_stage
