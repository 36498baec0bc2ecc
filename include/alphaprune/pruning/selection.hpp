#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::pruning {

/// Order statistics of unsigned keys that are spread over ranks, found exactly from all-reduced
/// histograms, without moving or sorting the keys. Floating-point magnitudes order like their bit
/// patterns, which is what makes this exact.
struct Selected {
    std::uint32_t key = 0;        ///< the key at the wanted position of the sorted order
    std::int64_t below = 0;       ///< how many keys, on all ranks, are smaller
    std::int64_t equal = 0;       ///< how many are equal to it
    std::int64_t below_here = 0;  ///< how many of this rank's keys are smaller
    std::int64_t equal_here = 0;  ///< how many of this rank's keys are equal to it
};

/// The key at `position` (0-based) of the ascending order over all ranks. Collective.
/// 0 <= position < total number of keys.
Selected select_key(const parallel::Communicator& ranks, std::span<const std::uint16_t> keys,
                    std::int64_t position);
Selected select_key(const parallel::Communicator& ranks, std::span<const std::uint32_t> keys,
                    std::int64_t position);

}  // namespace alphaprune::pruning
