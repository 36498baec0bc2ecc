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
    const auto repeated = std::ranges::unique(blocks);
    blocks.erase(repeated.begin(), repeated.end());
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

}  // namespace alphaprune::allocation
