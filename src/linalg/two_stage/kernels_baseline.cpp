// Compiled for any processor: 16 bytes is what all of them have.
#include "kernels_for.hpp"

namespace alphaprune::linalg::two_stage {

const Kernels<double> kDoubleBaseline = kernels_for<double, 2, 4, 2>();
const Kernels<float> kFloatBaseline = kernels_for<float, 4, 4, 2>();

}  // namespace alphaprune::linalg::two_stage
