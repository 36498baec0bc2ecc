#include "cuda/card_sums.cuh"

#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches

void subtract(cudaStream_t stream, const Difference& work) {
    if (work.count > 0) {
        for_each_index<<<groups_for(work.count), kThreads, 0, stream>>>(
            work.count, [work] __device__(std::int64_t i) {
                work.out[i] = work.factor * (work.a[i] - work.b[i]);
            });
        check_cuda(cudaGetLastError(), "subtract");
    }
}

void add_in_double(cudaStream_t stream, double* sums, const float* values, std::int64_t count) {
    if (count > 0) {
        for_each_index<<<groups_for(count), kThreads, 0, stream>>>(
            count, [sums, values] __device__(std::int64_t i) {
                sums[i] += static_cast<double>(values[i]);
            });
        check_cuda(cudaGetLastError(), "add_in_double");
    }
}

}  // namespace alphaprune::transformer::card
