#pragma once

#include <vector>

#include "kernels.hpp"

namespace alphaprune::linalg::two_stage {

extern const Kernels<double> kDoubleBaseline;
extern const Kernels<float> kFloatBaseline;
// Built for x86-64 alone, where ALPHAPRUNE_AVX_KERNELS is defined.
extern const Kernels<double> kDoubleAvx2;
extern const Kernels<float> kFloatAvx2;
extern const Kernels<double> kDoubleAvx512;
extern const Kernels<float> kFloatAvx512;

/// Those that were built and that this processor can run, the best first.
template <class Real>
std::vector<const Kernels<Real>*> usable_kernels();

}  // namespace alphaprune::linalg::two_stage
