#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "alphaprune/linalg/packed_weights.hpp"
#include "alphaprune/linalg/split_input.hpp"

namespace alphaprune::linalg {

/// Memory of one thread for its products, kept from one to the next: about 1 KB a token, and what
/// oneDNN asks for (up to 2 MB).
struct ProductScratch {
    std::vector<float> sums;
    std::vector<std::byte> library;
    std::vector<std::uint16_t> finite;  ///< where an input is not
};

/// out = input·Wᵀ, or out += input·Wᵀ, for the out.cols outputs of W from `first_output` on.
///
/// With bf16: hi·Whᵀ. With bf16x2: hi·Whᵀ + lo·Whᵀ, and + hi·Wlᵀ where the weights have two parts.
/// Operands below 1.2e-38 count as zero, as the instructions have it. Any number of threads and
/// ranks may compute at once, each with a scratch of its own; each works on one core. The bits of
/// a result depend on the operands of this call alone, and on the type of the processor.
/// @param first_output  a multiple of kPackedOutputs
/// @param out           input.tokens × any number of outputs that W has; strided as it likes.
///                      Its former values do not count, NaN neither, unless `add`.
/// @pre has_bf16_products(); input.inputs == weights.shape.inputs
/// @throws Error (failure) when oneDNN reports an error
void packed_product(const SplitInput& input, const PackedWeights& weights,
                    std::int64_t first_output, bool add, FloatView out, ProductScratch& scratch);

}  // namespace alphaprune::linalg
