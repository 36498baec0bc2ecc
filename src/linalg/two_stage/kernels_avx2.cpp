// Compiled for AVX2 with FMA: 16 registers of 32 bytes.
#include "kernels_for.hpp"

namespace alphaprune::linalg::two_stage {

const Kernels<double> kDoubleAvx2 = kernels_for<double, 4, 4, 2>();
const Kernels<float> kFloatAvx2 = kernels_for<float, 8, 4, 2>();

}  // namespace alphaprune::linalg::two_stage
