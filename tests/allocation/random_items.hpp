#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::test {

/// Blocks of one to seven matrices of random size, with random metrics.
inline std::vector<allocation::AllocationItem> random_items(unsigned seed) {
    std::mt19937_64 generator(seed);
    std::uniform_int_distribution<int> blocks(1, 40);
    std::uniform_int_distribution<int> matrices(1, 7);
    std::uniform_int_distribution<std::int64_t> weights(1, 2'000'000'000);
    std::lognormal_distribution<double> metric(1, 0.6);
    std::vector<allocation::AllocationItem> items;
    for (int block = 0, last = blocks(generator); block < last; ++block) {
        for (int i = matrices(generator); i > 0; --i) {
            items.push_back({block, weights(generator), metric(generator)});
        }
    }
    return items;
}

/// Mean metric of the item's block.
inline double block_mean(const std::vector<allocation::AllocationItem>& items, int block) {
    double sum = 0;
    int count = 0;
    for (const allocation::AllocationItem& item : items) {
        if (item.block == block) {
            sum += item.metric;
            ++count;
        }
    }
    return sum / count;
}

}  // namespace alphaprune::test
