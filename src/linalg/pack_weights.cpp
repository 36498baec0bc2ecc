#include "alphaprune/linalg/packed_weights.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "alphaprune/linalg/forward_precision.hpp"
#include "packed_strips.hpp"

namespace alphaprune::linalg {

static_assert(kPackedOutputs == kStripOutputs);

std::size_t packed_bytes(const PackedShape& shape) {
    const std::size_t parts = shape.parts == PackedParts::two ? 2 : 1;
    const auto strips = static_cast<std::size_t>(strips_of(shape));
    return parts * strips * static_cast<std::size_t>(pairs_of_strip(shape)) * sizeof(Bf16Pair);
}

bool is_exact_in_bf16(ConstFloatView weights) {
    std::uint32_t rest = 0;
    for (std::int64_t i = 0; i < weights.rows && rest == 0; ++i) {
        const float* const row = weights.data + i * weights.stride;
        for (std::int64_t j = 0; j < weights.cols; ++j) {
            rest |= std::bit_cast<std::uint32_t>(row[j]) & 0xFFFFU;
        }
    }
    return rest == 0;
}

void pack_weights(ConstFloatView weights, std::int64_t first_output, const PackedShape& shape,
                  std::span<std::byte> packed) {
    assert(has_bf16_products());
    assert(weights.cols == shape.inputs && weights.stride >= weights.cols);
    assert(first_output % kStripOutputs == 0);
    assert(weights.rows % kStripOutputs == 0 || first_output + weights.rows == shape.outputs);
    assert(packed.size() == packed_bytes(shape));
    auto* const pairs = reinterpret_cast<Bf16Pair*>(packed.data());
    for (std::int64_t row = 0; row < weights.rows; row += kStripOutputs) {
        const StripPlaces at = places_of(shape, first_output + row);
        pack_strip(weights.data + row * weights.stride, std::min(kStripOutputs, weights.rows - row),
                   weights.cols, weights.stride,
                   {pairs + at.hi, at.lo < 0 ? nullptr : pairs + at.lo});
    }
}

}  // namespace alphaprune::linalg
