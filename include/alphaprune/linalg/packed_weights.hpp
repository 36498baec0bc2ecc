#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"

namespace alphaprune::linalg {

/// How many bfloat16 values hold one weight.
enum class PackedParts : std::uint8_t {
    one,  ///< rounded to bfloat16, which changes nothing in weights that are stored so
    two,  ///< the rest as well: 16 bits of each weight, for weights in float32 or float16
};

struct PackedShape {
    std::int64_t outputs = 0;
    std::int64_t inputs = 0;
    PackedParts parts = PackedParts::one;
};

/// Weights in the order in which the instructions for bfloat16 want them, in somebody else's
/// memory: packed once, shared by the ranks and threads of a node, used for many products. The
/// bytes are the same whoever packs them.
struct PackedWeights {
    std::span<const std::byte> bytes;
    PackedShape shape;
};

/// Products and packing may be divided among ranks and threads between outputs that are multiples
/// of this.
inline constexpr std::int64_t kPackedOutputs = 64;

/// Bytes of packed weights: 2 or 4 for each weight, where outputs are counted as a multiple of
/// kPackedOutputs and inputs as one of 32.
std::size_t packed_bytes(const PackedShape& shape);

/// Whether every weight is a bfloat16, so that one part of it is all of it.
bool is_exact_in_bf16(ConstFloatView weights);

/// Packs some outputs of a matrix: those from `first_output`, a multiple of kPackedOutputs, on.
/// Several callers may pack different outputs of one matrix at once.
/// @param weights  those outputs × shape.inputs; a multiple of kPackedOutputs of them, or up to the
///                 last. They must be finite: an infinite one gives outputs that are not finite,
///                 but NaN in places where float32 has an infinity.
/// @param shape    of the whole matrix
/// @param packed   packed_bytes(shape), aligned to 64 bytes (for speed; 4 are necessary)
/// @pre has_bf16_products()
void pack_weights(ConstFloatView weights, std::int64_t first_output, const PackedShape& shape,
                  std::span<std::byte> packed);

}  // namespace alphaprune::linalg
