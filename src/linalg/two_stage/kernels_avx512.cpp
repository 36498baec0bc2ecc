// Compiled for AVX-512: 32 registers of 64 bytes.
#include "kernels_for.hpp"

namespace alphaprune::linalg::two_stage {

const Kernels<double> kDoubleAvx512 = kernels_for<double, 8, 4, 4>();
const Kernels<float> kFloatAvx512 = kernels_for<float, 16, 8, 2>();

}  // namespace alphaprune::linalg::two_stage
