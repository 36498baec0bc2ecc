#include <algorithm>
#include <limits>

#include "cuda/libraries.cuh"
#include "cuda/spectrum_lane.hpp"

namespace alphaprune::linalg {
namespace {

using device::check_cuda;

device::Event timed_event() {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreate(&event), "cudaEventCreate");
    return device::Event(event);
}

/// GFLOP/s of square products of order 8192, the best of three after one more.
/// @param bytes     of a value of the operands; results have 4 or 8, whichever is not less
/// @param multiply  (handle, a, b, out)
template <class Multiply>
double product_gflops(int card, std::size_t bytes, const Multiply& multiply) {
    constexpr int kOrder = 8192;
    check_cuda(cudaSetDevice(card), "cudaSetDevice");
    const device::Stream stream = device::make_stream();
    device::DeviceMemory workspace;
    device::DeviceMemory values;
    const Cublas cublas = make_cublas(stream.get(), workspace);
    const std::size_t size = std::size_t{kOrder} * kOrder;
    auto* const a = values.require<std::byte>(size * (2 * bytes + std::max<std::size_t>(bytes, 4)));
    check_cuda(cudaMemsetAsync(a, 0x3C, 2 * size * bytes, stream.get()), "cudaMemset");
    const device::Event begin = timed_event();
    const device::Event end = timed_event();
    float best = std::numeric_limits<float>::max();
    for (int i = 0; i < 4; ++i) {
        check_cuda(cudaEventRecord(begin.get(), stream.get()), "cudaEventRecord");
        check_cublas(multiply(cublas.get(), kOrder, a, a + size * bytes, a + 2 * size * bytes),
                     "cublasGemm");
        check_cuda(cudaEventRecord(end.get(), stream.get()), "cudaEventRecord");
        check_cuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
        float milliseconds = 0;
        check_cuda(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()),
                   "cudaEventElapsedTime");
        best = i == 0 ? best : std::min(best, milliseconds);
    }
    return 2.0 * kOrder * kOrder * kOrder / best * 1e-6;
}

}  // namespace
}  // namespace alphaprune::linalg

extern "C" double alphaprune_cuda_dgemm_gflops(int card) {
    return alphaprune::linalg::product_gflops(
        card, sizeof(double), [](cublasHandle_t cublas, int order, void* a, void* b, void* out) {
            const double one = 1;
            const double zero = 0;
            return cublasDgemm(cublas, CUBLAS_OP_N, CUBLAS_OP_N, order, order, order, &one,
                               static_cast<const double*>(a), order, static_cast<const double*>(b),
                               order, &zero, static_cast<double*>(out), order);
        });
}

extern "C" double alphaprune_cuda_bf16_gflops(int card) {
    return alphaprune::linalg::product_gflops(
        card, 2, [](cublasHandle_t cublas, int order, void* a, void* b, void* out) {
            const float one = 1;
            const float zero = 0;
            return cublasGemmEx(cublas, CUBLAS_OP_T, CUBLAS_OP_N, order, order, order, &one, a,
                                CUDA_R_16BF, order, b, CUDA_R_16BF, order, &zero, out, CUDA_R_32F,
                                order, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
        });
}
