// Compiled for AVX-512: 32 registers of 64 bytes.
#include "chase_kernel.hpp"

namespace alphaprune::linalg::two_stage {

const KernelSet kAvx512Kernels{"avx512", kernels_for<double, 8, 4, 4>(),
                               kernels_for<float, 16, 8, 2>()};

}  // namespace alphaprune::linalg::two_stage
