#pragma once

#include <cstdint>

namespace alphaprune::pruning {

/// What became of one tensor, or of some of its rows.
struct PrunedTensor {
    std::uint64_t checksum = 0;  ///< checksum_of_rows over the rows, after pruning
    std::int64_t zeros = 0;

    friend bool operator==(const PrunedTensor&, const PrunedTensor&) = default;
};

}  // namespace alphaprune::pruning
