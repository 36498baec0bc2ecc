#include "cuda/card_losses.cuh"

#include <algorithm>

#include "cuda/forward_kernels.hpp"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

constexpr std::int64_t kLogitRows = 4096;  ///< of the vocabulary, whose logits are there at a time

/// A token for each group of threads.
__global__ void take_logits(const float* logits, std::int64_t first_row, std::int64_t rows,
                            float softcap, const std::int32_t* targets, LossState* states) {
    const float* const mine = logits + std::int64_t{blockIdx.x} * rows;
    LossState& state = states[blockIdx.x];
    const float before = state.largest;
    float most = before;
    for (std::int64_t i = threadIdx.x; i < rows; i += blockDim.x) {
        most = fmaxf(most, kernels::capped(mine[i], softcap));
    }
    most = over_group(most, Largest{});
    double total = 0;
    for (std::int64_t i = threadIdx.x; i < rows; i += blockDim.x) {
        total += static_cast<double>(expf(kernels::capped(mine[i], softcap) - most));
    }
    total = over_group(total, Sum{});
    if (threadIdx.x == 0) {
        if (most > before) {
            state.total *= exp(static_cast<double>(before - most));
            state.largest = most;
        }
        state.total += total;
        const std::int64_t target = targets[blockIdx.x] - first_row;
        if (target >= 0 && target < rows) {
            state.target_logit = kernels::capped(mine[target], softcap);
        }
    }
}

}  // namespace

void add_vocabulary(cudaStream_t stream, CardProducts& products, const VocabularyPart& work,
                    linalg::ForwardPrecision precision, device::DeviceMemory& scratch) {
    if (work.tokens == 0 || work.rows == 0) {
        return;
    }
    Product product{work.features, work.tokens, work.width, work.weights, work.type};
    product.rows = std::min(work.rows, kLogitRows);
    product.out = scratch.require<float>(static_cast<std::size_t>(work.tokens * product.rows));
    products.split_inputs({&product, 1}, precision);
    for (std::int64_t row = 0; row < work.rows; row += kLogitRows) {
        product.rows = std::min(work.rows - row, kLogitRows);
        product.weights =
            static_cast<const std::byte*>(work.weights) +
            static_cast<std::size_t>(row * work.width) * linalg::kernels::bytes_of(work.type);
        products.run(product);
        take_logits<<<static_cast<unsigned>(work.tokens), kThreads, 0, stream>>>(
            product.out, work.first_row + row, product.rows, work.softcap, work.targets,
            work.states);
        check_cuda(cudaGetLastError(), "take_logits");
    }
}

}  // namespace alphaprune::transformer::card
