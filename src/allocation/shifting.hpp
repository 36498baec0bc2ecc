#pragma once

#include <span>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// Ratios v + t, none below 0 or above `most`, with t such that their weighted mean is `mean`.
struct ShiftedRatios {
    std::vector<double> ratios;
    std::vector<bool> bounded_below;  ///< where 0 was in force
    std::vector<bool> bounded_above;  ///< where `most` was in force
};

/// @param values  v of each item
/// @param mean    in [0, most]
ShiftedRatios shifted_to_mean(std::span<const AllocationItem> items, std::span<const double> values,
                              double mean, double most);

}  // namespace alphaprune::allocation
