#include "kernels.hpp"

namespace alphaprune::linalg::two_stage {

std::vector<const KernelSet*> usable_kernels() {
    std::vector<const KernelSet*> usable;
#if defined(ALPHAPRUNE_AVX_KERNELS)
    // What the processor must have is what CMakeLists.txt lets the compiler use in those files.
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        usable.push_back(&kAvx512Kernels);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        usable.push_back(&kAvx2Kernels);
    }
#endif
    usable.push_back(&kBaselineKernels);
    return usable;
}

const KernelSet& best_kernels() {
    static const KernelSet& best = *usable_kernels().front();
    return best;
}

}  // namespace alphaprune::linalg::two_stage
