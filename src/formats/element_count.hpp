#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace alphaprune::formats {

/// Product of a shape's dimensions (none negative) and the size of an element, in whatever unit
/// that is, or nothing when it does not fit 63 bits. Dimensions beside a zero must fit too: no
/// later product of them may overflow.
inline std::optional<std::uint64_t> size_of_shape(std::span<const std::int64_t> shape,
                                                  std::uint64_t element_size) {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t size = element_size;
    bool is_empty = false;
    for (const std::int64_t dimension : shape) {
        const auto factor = static_cast<std::uint64_t>(dimension);
        if (factor == 0) {
            is_empty = true;
        } else if (size > kLargest / factor) {
            return std::nullopt;
        } else {
            size *= factor;
        }
    }
    return is_empty ? 0 : size;
}

}  // namespace alphaprune::formats
