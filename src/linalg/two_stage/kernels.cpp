#include "kernels.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

#if defined(ALPHAPRUNE_AVX_KERNELS)

// What the processor must have is what CMakeLists.txt lets the compiler use in those files.

bool has_avx512() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

bool has_avx2() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

template <class Real>
std::vector<const Kernels<Real>*> usable(const Kernels<Real>& avx512, const Kernels<Real>& avx2,
                                         const Kernels<Real>& baseline) {
    std::vector<const Kernels<Real>*> usable;
    if (has_avx512()) {
        usable.push_back(&avx512);
    }
    if (has_avx2()) {
        usable.push_back(&avx2);
    }
    usable.push_back(&baseline);
    return usable;
}

#endif

}  // namespace

template <>
std::vector<const Kernels<double>*> usable_kernels<double>() {
#if defined(ALPHAPRUNE_AVX_KERNELS)
    return usable(kDoubleAvx512, kDoubleAvx2, kDoubleBaseline);
#else
    return {&kDoubleBaseline};
#endif
}

template <>
std::vector<const Kernels<float>*> usable_kernels<float>() {
#if defined(ALPHAPRUNE_AVX_KERNELS)
    return usable(kFloatAvx512, kFloatAvx2, kFloatBaseline);
#else
    return {&kFloatBaseline};
#endif
}

template <>
const Kernels<double>& kernels<double>() {
    static const Kernels<double>& best = *usable_kernels<double>().front();
    return best;
}

template <>
const Kernels<float>& kernels<float>() {
    static const Kernels<float>& best = *usable_kernels<float>().front();
    return best;
}

}  // namespace alphaprune::linalg::two_stage
