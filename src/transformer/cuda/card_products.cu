#include "cuda/card_products.cuh"

#include <algorithm>

#include "cuda/elementwise.cuh"
#include "cuda/forward_kernels.hpp"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

using linalg::check_cublas;
using support::ScalarType;

constexpr int kMostParts = 3;

/// How activations get into float16's range, found on the card.
struct HalfRange {
    std::uint32_t largest;  ///< bits of the largest absolute value
    float scale;
    float factors[kMostParts];  ///< take it back, one for each part
};

__global__ void find_largest(const float* values, std::int64_t count, HalfRange* range) {
    std::uint32_t mine = 0;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
         i += step) {
        mine = max(mine, linalg::kernels::bits_of_float(values[i]) & 0x7FFFFFFFU);
    }
    mine = __reduce_max_sync(0xFFFFFFFFU, mine);
    if (threadIdx.x % 32 == 0) {
        atomicMax(&range->largest, mine);
    }
}

__global__ void find_scale(HalfRange* range) {
    range->scale = kernels::scale_for_float16(range->largest);
    float factor = 1.0F / range->scale;  // exact: powers of two
    for (float& each : range->factors) {
        each = factor;
        factor /= kernels::kNextPart;
    }
}

/// Four values for each thread; the rows of parts have room for a multiple of four.
template <ScalarType Type, int Parts>
__global__ void split_values(const float* values, std::int64_t count, const HalfRange* range,
                             SplitRoom room) {
    const float scale = range != nullptr ? range->scale : 1.0F;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x * 4;
    for (std::int64_t i = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * 4; i < count;
         i += step) {
        float four[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            four[j] = i + j < count ? values[i + j] * scale : 0.0F;
        }
        std::uint16_t* const to = place_of_parts(room, i);
#pragma unroll
        for (int part = 0; part < Parts; ++part) {
            ushort4 rounded;
            rounded.x = kernels::take_part(Type, four[0]);
            rounded.y = kernels::take_part(Type, four[1]);
            rounded.z = kernels::take_part(Type, four[2]);
            rounded.w = kernels::take_part(Type, four[3]);
            *reinterpret_cast<ushort4*>(to + part * room.stride) = rounded;
        }
    }
}

/// @param range  of float16, else nullptr
template <ScalarType Type>
void split_all(cudaStream_t stream, const float* values, std::int64_t count, const HalfRange* range,
               const SplitRoom& room) {
    const unsigned groups = groups_for((count + 3) / 4);
    switch (room.count) {
        case 1:
            split_values<Type, 1><<<groups, kThreads, 0, stream>>>(values, count, range, room);
            break;
        case 2:
            split_values<Type, 2><<<groups, kThreads, 0, stream>>>(values, count, range, room);
            break;
        default:
            split_values<Type, kMostParts>
                <<<groups, kThreads, 0, stream>>>(values, count, range, room);
    }
    check_cuda(cudaGetLastError(), "split_values");
}

__global__ void set_constants(float* constants) {
    constants[0] = 0;
    constants[1] = 1;
}

cudaDataType_t library_type(ScalarType type) {
    switch (type) {
        case ScalarType::float16:
            return CUDA_R_16F;
        case ScalarType::bfloat16:
            return CUDA_R_16BF;
        default:
            return CUDA_R_32F;
    }
}

/// As memory of the card is aligned.
std::int64_t aligned_count(std::int64_t count) {
    constexpr std::int64_t kAligned = 128;  // values
    return (count + kAligned - 1) / kAligned * kAligned;
}

bool is_empty(const Product& product) {
    return product.tokens == 0 || product.rows == 0;
}

}  // namespace

int parts_of(linalg::ForwardPrecision precision) {
    switch (precision) {
        case linalg::ForwardPrecision::bf16:
            return 1;
        case linalg::ForwardPrecision::bf16x2:
            return 2;
        default:
            return kMostParts;
    }
}

CardProducts::CardProducts(cudaStream_t stream)
    : stream_(stream), cublas_(linalg::make_cublas(stream, workspace_)) {
    check_cublas(cublasSetPointerMode(cublas_.get(), CUBLAS_POINTER_MODE_DEVICE),
                 "cublasSetPointerMode");
    auto* const constants = constants_.require<float>(2);
    set_constants<<<1, 1, 0, stream_>>>(constants);
    check_cuda(cudaGetLastError(), "set_constants");
    zero_ = constants;
    one_ = constants + 1;
}

void CardProducts::multiply(std::span<const Product> products, linalg::ForwardPrecision precision) {
    split_inputs(products, precision);
    for (const Product& product : products) {
        run(product);
    }
}

bool CardProducts::Operand::fits(const Product& product, int parts) const {
    return input == product.input && count == product.tokens * product.cols &&
           type == product.type && room.count == parts &&
           (!by_rows() || room.width == product.cols);
}

SplitRoom CardProducts::room_for(std::int64_t count, std::int64_t width, int parts, bool by_rows) {
    if (by_rows && width % 4 == 0) {
        return {nullptr, width, parts * width, width, parts};
    }
    return {nullptr, std::max<std::int64_t>(count, 1), 0, aligned_count(count), parts};
}

const CardProducts::Operand* CardProducts::operand_of(const Product& product) const {
    const auto found = std::ranges::find_if(
        operands_, [&](const Operand& each) { return each.fits(product, part_count_); });
    return found == operands_.end() ? nullptr : &*found;
}

void CardProducts::split_inputs(std::span<const Product> products,
                                linalg::ForwardPrecision precision) {
    operands_.clear();
    part_count_ = parts_of(precision);
    std::int64_t values = 0;
    for (const Product& product : products) {
        if (is_empty(product) || product.type == ScalarType::float32 ||
            operand_of(product) != nullptr) {
            continue;
        }
        if (const Operand* const ready = prepared_for(product)) {
            operands_.push_back(*ready);
            continue;
        }
        const std::int64_t count = product.tokens * product.cols;
        operands_.push_back({product.input, count, product.type,
                             room_for(count, product.cols, part_count_, takes_doubled(product))});
        values += part_count_ * aligned_count(count);
    }
    prepared_.clear();
    auto* parts = parts_.require<std::uint16_t>(static_cast<std::size_t>(values));
    auto* range = ranges_.require<HalfRange>(operands_.size());
    for (Operand& operand : operands_) {
        if (operand.room.parts == nullptr) {
            operand.room.parts = parts;
            split_input(operand, range);
            parts += part_count_ * aligned_count(operand.count);
        }
        ++range;
    }
}

bool CardProducts::takes_doubled(const Product& product) const {
    return product.doubled != nullptr && part_count_ == 2 && product.type == ScalarType::bfloat16;
}

const CardProducts::Operand* CardProducts::prepared_for(const Product& product) const {
    const auto found = std::find_if(prepared_.rbegin(), prepared_.rend(), [&](const Operand& each) {
        return each.fits(product, part_count_);
    });
    return found == prepared_.rend() ? nullptr : &*found;
}

SplitRoom CardProducts::prepare(const float* values, std::int64_t count, std::int64_t width,
                                const Intent& intent) {
    forget(values);
    // float16 needs the largest of all values first.
    if (intent.type != ScalarType::bfloat16 || count == 0 || count % 4 != 0 || width % 4 != 0) {
        return {};
    }
    const std::size_t place = prepared_.size();
    if (place == prepared_memory_.size()) {
        prepared_memory_.emplace_back();
    }
    const int parts = parts_of(intent.precision);
    SplitRoom room = room_for(count, width, parts, intent.doubled && parts == 2);
    room.parts = prepared_memory_[place].require<std::uint16_t>(
        static_cast<std::size_t>(parts * aligned_count(count)));
    prepared_.push_back({values, count, ScalarType::bfloat16, room});
    return room;
}

void CardProducts::forget(const void* values) {
    for (Operand& each : prepared_) {  // its place stays: another's memory follows from it
        if (each.input == values) {
            each.input = nullptr;
        }
    }
}

void CardProducts::split_input(Operand& operand, void* range) {
    if (operand.count == 0) {
        return;
    }
    if (operand.type == ScalarType::bfloat16) {
        split_all<ScalarType::bfloat16>(stream_, operand.input, operand.count, nullptr,
                                        operand.room);
        return;
    }
    auto* const half = static_cast<HalfRange*>(range);
    operand.factors = half->factors;
    check_cuda(cudaMemsetAsync(half, 0, sizeof(HalfRange), stream_), "cudaMemset");
    find_largest<<<groups_for(operand.count), kThreads, 0, stream_>>>(operand.input, operand.count,
                                                                      half);
    check_cuda(cudaGetLastError(), "find_largest");
    find_scale<<<1, 1, 0, stream_>>>(half);
    check_cuda(cudaGetLastError(), "find_scale");
    split_all<ScalarType::float16>(stream_, operand.input, operand.count, half, operand.room);
}

void CardProducts::run(const Product& product) {
    if (is_empty(product)) {
        return;
    }
    if (product.type == ScalarType::float32) {
        multiply_with(product, {.values = product.input, .stride = product.cols});
    } else {
        const Operand& operand = *operand_of(product);
        const std::int64_t stride = operand.by_rows() ? operand.room.row_stride : product.cols;
        const bool at_once = takes_doubled(product) && operand.by_rows();
        for (int part = 0; part < (at_once ? 1 : part_count_); ++part) {
            multiply_with(product,
                          {.values = operand.room.parts + part * operand.room.stride,
                           .stride = stride,
                           .factor = operand.factors != nullptr ? operand.factors + part : nullptr,
                           .adds = part > 0,
                           .twice = at_once});
        }
    }
    if (product.bias != nullptr) {
        add_bias(stream_, product.out, product.tokens, product.rows, product.bias);
    }
}

/// Written row-major, read column-major: outᵀ = W·inputᵀ.
void CardProducts::multiply_with(const Product& product, const Activations& activations) {
    const std::int64_t depth = activations.twice ? 2 * product.cols : product.cols;
    const cudaDataType_t type = library_type(product.type);
    const bool adds = product.add_to_it || activations.adds;
    const auto at_least_one = [](std::int64_t stride) {
        return static_cast<int>(std::max<std::int64_t>(stride, 1));
    };
    check_cublas(
        cublasGemmEx(cublas_.get(), CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(product.rows),
                     static_cast<int>(product.tokens), static_cast<int>(depth),
                     activations.factor != nullptr ? activations.factor : one_,
                     activations.twice ? product.doubled : product.weights, type,
                     at_least_one(depth), activations.values, type,
                     at_least_one(activations.stride), adds ? one_ : zero_, product.out, CUDA_R_32F,
                     static_cast<int>(product.rows), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
}

void CardProducts::add_products(const ProductSum& work, linalg::ForwardPrecision precision) {
    if (work.rows == 0 || work.cols == 0) {
        return;
    }
    const cublasComputeType_t arithmetic = precision == linalg::ForwardPrecision::float32
                                               ? CUBLAS_COMPUTE_32F
                                               : CUBLAS_COMPUTE_32F_FAST_TF32;
    // Written row-major, read column-major: sumᵀ = bᵀ·a.
    check_cublas(cublasGemmEx(cublas_.get(), CUBLAS_OP_N, CUBLAS_OP_T, static_cast<int>(work.cols),
                              static_cast<int>(work.rows), static_cast<int>(work.tokens), one_,
                              work.b, CUDA_R_32F, static_cast<int>(work.b_stride), work.a,
                              CUDA_R_32F, static_cast<int>(work.a_stride),
                              work.add_to_it ? one_ : zero_, work.sum, CUDA_R_32F,
                              static_cast<int>(work.sum_stride), arithmetic, CUBLAS_GEMM_DEFAULT),
                 "cublasGemmEx");
}

}  // namespace alphaprune::transformer::card
