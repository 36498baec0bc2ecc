#include <functional>
#include <numeric>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"

namespace alphaprune {

std::int64_t StoredTensor::rows() const {
    return shape.size() < 2 ? 1 : shape.front();
}

std::uint64_t StoredTensor::row_bytes() const {
    const auto first = shape.begin() + (shape.size() < 2 ? 0 : 1);
    const auto length = std::accumulate(first, shape.end(), std::int64_t{1}, std::multiplies<>());
    return static_cast<std::uint64_t>(length) * size_of(type);
}

std::int64_t StoredTensor::values() const {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

}  // namespace alphaprune
