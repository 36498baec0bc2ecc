#pragma once

#include <span>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// r = (v − min v)/(max v − min v)·2ε + (1 − ε) for each value; 1 where the value is not finite,
/// and everywhere when all finite values are equal.
std::vector<double> relative_ratios(std::span<const double> values, double epsilon);

struct ScaledRatios {
    std::vector<double> ratios;
    std::vector<bool> bounded;  ///< where max_sparsity was in force
};

/// s = c·r, with c such that the weighted mean of s is the ratio asked for. What exceeds
/// max_sparsity is bounded there and c raised for the others until the mean is met again.
///
/// @param relative  r of each item, > 0
ScaledRatios scaled_to_mean(std::span<const AllocationItem> items, std::span<const double> relative,
                            const AllocationOptions& options);

}  // namespace alphaprune::allocation
