#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// Blocks of the items chosen by their index, ascending, each once.
template <class Choose>
std::vector<int> blocks_where(std::span<const AllocationItem> items, Choose choose) {
    std::vector<int> blocks;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (choose(i)) {
            blocks.push_back(items[i].block);
        }
    }
    std::ranges::sort(blocks);
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    return blocks;
}

/// All blocks that the items name.
inline std::vector<int> blocks_of(std::span<const AllocationItem> items) {
    return blocks_where(items, [](std::size_t) { return true; });
}

/// Where a block stands in such a list.
inline std::size_t position_of(const std::vector<int>& blocks, int block) {
    return static_cast<std::size_t>(std::ranges::lower_bound(blocks, block) - blocks.begin());
}

/// "0, 3, 4"
std::string listed(const std::vector<int>& blocks);

/// r = (v − min v)/(max v − min v)·2ε + (1 − ε) for each value; 1 where the value is not finite,
/// and everywhere when all finite values are equal.
std::vector<double> relative_ratios(std::span<const double> values, double epsilon);

/// s = c·r, with c such that the weighted mean of s is the ratio asked for. What exceeds
/// max_sparsity is bounded there and c raised for the others until the mean is met again; a note
/// says so.
/// @param relative  r of each item, > 0
Allocation scaled_to_mean(std::span<const AllocationItem> items, std::span<const double> relative,
                          const AllocationOptions& options);

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

/// With v the value of a block and z = (v − min)/(max − min)·2w, a block keeps z − mean z + (1 −
/// S); the mean is weighted with the blocks' sizes, so that the weighted mean of the ratios is
/// exactly S. Ratios beyond 0 or max_sparsity are bounded, and the rest shifted together until the
/// mean is met again; notes say so.
/// @param values      of each block that the items name, ascending
/// @param half_width  w
Allocation kept_in_band(const AllocationRequest& request, std::span<const double> values,
                        double half_width);

}  // namespace alphaprune::allocation
