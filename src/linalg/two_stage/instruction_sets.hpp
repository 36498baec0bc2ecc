#pragma once

#include "kernels.hpp"

namespace alphaprune::two_stage {

extern const Kernels<double> kDoubleBaseline;
extern const Kernels<float> kFloatBaseline;
extern const Kernels<double> kDoubleAvx2;
extern const Kernels<float> kFloatAvx2;
extern const Kernels<double> kDoubleAvx512;
extern const Kernels<float> kFloatAvx512;

}  // namespace alphaprune::two_stage
