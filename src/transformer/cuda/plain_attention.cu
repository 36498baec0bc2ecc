#include "cuda/plain_attention.cuh"

#include "cuda/forward_kernels.hpp"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

constexpr int kKeysAtOnce = 128;  ///< one for each thread

/// A query of a head for each group of threads: its running softmax over one lot of keys after
/// another.
__global__ void attend_query(Attention work) {
    extern __shared__ float attention_memory[];
    float* const query = attention_memory;
    float* const sums = query + work.head_size;
    __shared__ float weights[kKeysAtOnce];
    const std::int64_t token = blockIdx.x;
    const std::int64_t head = blockIdx.y;
    const std::int64_t shared_head = head / (work.heads / work.key_value_heads);
    const int thread = static_cast<int>(threadIdx.x);
    for (std::int64_t i = thread; i < work.head_size; i += kKeysAtOnce) {
        query[i] = work.query[(token * work.heads + head) * work.head_size + i];
    }
    for (std::int64_t i = thread; i < work.value_size; i += kKeysAtOnce) {
        sums[i] = 0;
    }
    __syncthreads();
    const float* const biases = work.biases != nullptr ? work.biases + head * work.tokens : nullptr;
    float largest = -INFINITY;
    float total = 0;
    const std::int64_t first =
        work.window > 0 ? max(std::int64_t{0}, token + 1 - work.window) : std::int64_t{0};
    for (std::int64_t begin = first; begin <= token; begin += kKeysAtOnce) {
        const std::int64_t key = begin + thread;
        float score = -INFINITY;
        if (key <= token) {
            const float* const values =
                work.key + (key * work.key_value_heads + shared_head) * work.head_size;
            float dot = 0;
            for (std::int64_t i = 0; i < work.head_size; ++i) {
                dot += query[i] * values[i];
            }
            score = dot * work.scale;
            if (biases != nullptr) {
                score += work.scale * (biases[key] - biases[token]);
            }
            score = kernels::capped(score, work.softcap);
        }
        const float before = largest;
        largest = fmaxf(before, over_group(score, Largest{}));
        const float base = largest == -INFINITY ? 0.0F : largest;
        const float shrink = expf(before - base);
        const float weight = expf(score - base);
        total = total * shrink + over_group(weight, Sum{});
        weights[thread] = weight;
        __syncthreads();
        const auto count = static_cast<int>(min(std::int64_t{kKeysAtOnce}, token + 1 - begin));
        for (std::int64_t i = thread; i < work.value_size; i += kKeysAtOnce) {
            const float* value =
                work.value + (begin * work.key_value_heads + shared_head) * work.value_size + i;
            float sum = sums[i] * shrink;
            for (int j = 0; j < count; ++j) {
                sum += weights[j] * *value;
                value += work.key_value_heads * work.value_size;
            }
            sums[i] = sum;
        }
        __syncthreads();
    }
    const float sink = work.sinks != nullptr ? work.sinks[head] : -INFINITY;
    const float most = fmaxf(largest, sink);
    const float base = most == -INFINITY ? 0.0F : most;
    const float shrink = expf(largest - base);
    const float factor = shrink / (total * shrink + expf(sink - base));
    for (std::int64_t i = thread; i < work.value_size; i += kKeysAtOnce) {
        work.out[(token * work.heads + head) * work.value_size + i] = sums[i] * factor;
    }
}

}  // namespace

void attend_plainly(cudaStream_t stream, const Attention& work) {
    if (work.tokens > 0 && work.heads > 0) {
        const dim3 groups(static_cast<unsigned>(work.tokens), static_cast<unsigned>(work.heads));
        const auto bytes =
            static_cast<std::size_t>(work.head_size + work.value_size) * sizeof(float);
        attend_query<<<groups, kKeysAtOnce, bytes, stream>>>(work);
        check_cuda(cudaGetLastError(), "attend_query");
    }
}

}  // namespace alphaprune::transformer::card
