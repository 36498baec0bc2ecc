#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"

namespace alphaprune::checkpoint {

/// A rectangular part of a tensor whose values follow each other in memory and in the file.
struct Box {
    std::vector<std::uint64_t> start;
    std::vector<std::uint64_t> count;

    std::uint64_t values() const;
};

/// Rows of a tensor, cut in order into boxes of at most `limit` values each: HDF5 counts bytes
/// of one transfer in 32 bits in places. A row longer than `limit` is cut inside.
/// A tensor of fewer than two dimensions is one row. No dimension is zero.
std::vector<Box> boxes_of(std::span<const std::int64_t> shape, parallel::RowRange rows,
                          std::uint64_t limit);

}  // namespace alphaprune::checkpoint
