#include <algorithm>
#include <limits>

#include "cuda/libraries.cuh"
#include "cuda/spectrum_lane.hpp"

/// DGEMM of order 8192, the best of three.
extern "C" double alphaprune_cuda_dgemm_gflops(int card) {
    using namespace alphaprune;
    using device::check_cuda;
    constexpr int kOrder = 8192;
    check_cuda(cudaSetDevice(card), "cudaSetDevice");
    const device::Stream stream = device::make_stream();
    device::DeviceMemory workspace;
    device::DeviceMemory values;
    const linalg::Cublas cublas = linalg::make_cublas(stream.get(), workspace);
    const std::size_t size = std::size_t{kOrder} * kOrder;
    auto* const a = values.require<double>(3 * size);
    check_cuda(cudaMemsetAsync(a, 0x3C, 2 * size * sizeof(double), stream.get()), "cudaMemset");
    const double one = 1;
    const double zero = 0;
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
    check_cuda(cudaEventCreate(&begin), "cudaEventCreate");
    const device::Event owned_begin(begin);
    check_cuda(cudaEventCreate(&end), "cudaEventCreate");
    const device::Event owned_end(end);
    float best = std::numeric_limits<float>::max();
    for (int i = 0; i < 4; ++i) {
        check_cuda(cudaEventRecord(begin, stream.get()), "cudaEventRecord");
        linalg::check_cublas(
            cublasDgemm(cublas.get(), CUBLAS_OP_N, CUBLAS_OP_N, kOrder, kOrder, kOrder, &one, a,
                        kOrder, a + size, kOrder, &zero, a + 2 * size, kOrder),
            "cublasDgemm");
        check_cuda(cudaEventRecord(end, stream.get()), "cudaEventRecord");
        check_cuda(cudaEventSynchronize(end), "cudaEventSynchronize");
        float milliseconds = 0;
        check_cuda(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
        best = i == 0 ? best : std::min(best, milliseconds);
    }
    return 2.0 * kOrder * kOrder * kOrder / best * 1e-6;
}
