#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "selection.hpp"

namespace alphaprune::pruning {

/// Values far from the processor, of which those that are gone count as zeros.
struct FarValues {
    const float* values = nullptr;
    std::int64_t count = 0;
    const std::uint8_t* gone = nullptr;  ///< nullptr: none
};

/// Of several sets of values the magnitudes at these positions of the ascending order, over all
/// ranks: select_keys() of their magnitudes. Collective. Throws device::CardError.
/// @param room  for counts
std::vector<Selected> select_far(const parallel::Communicator& ranks, linalg::FarLane& lane,
                                 std::span<const FarValues> sets,
                                 std::span<const std::int64_t> positions, linalg::FarBuffer& room);

}  // namespace alphaprune::pruning
