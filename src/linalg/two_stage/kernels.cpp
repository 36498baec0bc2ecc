#include "kernels.hpp"

#include "instruction_sets.hpp"

namespace alphaprune::two_stage {
namespace {

template <class Real>
const Kernels<Real>& chosen([[maybe_unused]] const Kernels<Real>& avx512,
                            [[maybe_unused]] const Kernels<Real>& avx2,
                            const Kernels<Real>& baseline) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return avx2;
    }
#endif
    return baseline;
}

}  // namespace

template <>
const Kernels<double>& kernels<double>() {
    return chosen(kDoubleAvx512, kDoubleAvx2, kDoubleBaseline);
}

template <>
const Kernels<float>& kernels<float>() {
    return chosen(kFloatAvx512, kFloatAvx2, kFloatBaseline);
}

}  // namespace alphaprune::two_stage
