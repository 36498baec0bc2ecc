#pragma once

#include <cstdint>

#include "alphaprune/linalg/packed_weights.hpp"
#include "bf16_parts.hpp"

namespace alphaprune::linalg {

inline std::int64_t strips_of(const PackedShape& shape) {
    return rounded_up(shape.outputs, kStripOutputs) / kStripOutputs;
}

inline std::int64_t pairs_of_strip(const PackedShape& shape) {
    return rounded_up(shape.inputs, kInputGroup) / 2 * kStripOutputs;
}

/// Where the parts of a strip begin, in pairs; lo is negative where weights have one part.
struct StripPlaces {
    std::int64_t hi = 0;
    std::int64_t lo = -1;
};

/// The strips of the first part of a matrix lie one after the other, then those of the second.
/// @param output  a multiple of kStripOutputs
inline StripPlaces places_of(const PackedShape& shape, std::int64_t output) {
    const std::int64_t hi = output / kStripOutputs * pairs_of_strip(shape);
    return {hi,
            shape.parts == PackedParts::two ? hi + strips_of(shape) * pairs_of_strip(shape) : -1};
}

}  // namespace alphaprune::linalg
