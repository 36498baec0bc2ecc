#include "alphaprune/linalg/gemm_rate.hpp"

#include <algorithm>
#include <vector>

#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/support/clock.hpp"
#include "blas.hpp"

namespace alphaprune::linalg {
namespace {

template <class Real>
double measure_gflops(double seconds) {
    constexpr int kOrder = 512;
    constexpr double kFlops = 2.0 * kOrder * kOrder * kOrder;
    use_one_blas_thread();
    const std::vector<Real> a(std::size_t{kOrder} * kOrder, Real{0.5});
    std::vector<Real> c(a.size());
    gemm(kOrder, a.data(), a.data(), c.data());  // the first call touches the library's buffers
    double best = 0;
    const support::Stopwatch all;
    do {
        const support::Stopwatch one;
        gemm(kOrder, a.data(), a.data(), c.data());
        best = std::max(best, kFlops / one.seconds() * 1e-9);
    } while (all.seconds() < seconds);
    return best;
}

}  // namespace

double measure_dgemm_gflops(double seconds) {
    return measure_gflops<double>(seconds);
}

double measure_sgemm_gflops(double seconds) {
    return measure_gflops<float>(seconds);
}

double expected_dgemm_gflops() {
#if defined(__x86_64__)
    // A BLAS that does not know the processor falls back to SSE kernels: 4 flops a cycle, 8 to 14
    // GFLOP/s at today's clocks. Kernels for AVX2 do 16 a cycle, for AVX-512 16 to 32: 25 and more
    // even at 2 GHz, but half of that when two threads share a core.
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        return 18;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return 12;
    }
#endif
    return 0;
}

}  // namespace alphaprune::linalg
