// Compiled for AVX2 with FMA: 16 registers of 32 bytes.
#include "chase_kernel.hpp"

namespace alphaprune::linalg::two_stage {

const KernelSet kAvx2Kernels{"avx2", kernels_for<double, 4, 4, 2>(), kernels_for<float, 8, 4, 2>()};

}  // namespace alphaprune::linalg::two_stage
