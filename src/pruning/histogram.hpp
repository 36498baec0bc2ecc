#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/selection.hpp"

namespace alphaprune {

/// How many keys there are of each 16-bit value.
using Histogram = std::vector<std::int64_t>;
inline constexpr std::size_t kHistogramBins = std::size_t{1} << 16;

/// Adds up the histograms of all ranks, then finds the bin that holds the key at `position` of the
/// ascending order. Collective.
Selected select_bin(const Communicator& ranks, Histogram& counts, std::int64_t position);

/// select_key for keys that are produced one after another, wherever they are stored:
/// `for_each_key(use)` calls `use(key)` for each key of this rank. Key is uint16 or uint32; the
/// latter takes two rounds, the upper 16 bits first.
template <class Key, class ForEachKey>
Selected select_among(const Communicator& ranks, std::int64_t position, ForEachKey for_each_key) {
    Histogram counts(kHistogramBins, 0);
    if constexpr (sizeof(Key) == 2) {
        for_each_key([&](Key key) { ++counts[key]; });
        return select_bin(ranks, counts, position);
    } else {
        for_each_key([&](Key key) { ++counts[key >> 16]; });
        const Selected upper = select_bin(ranks, counts, position);
        counts.assign(kHistogramBins, 0);
        for_each_key([&](Key key) {
            if (key >> 16 == upper.key) {
                ++counts[key & 0xFFFFU];
            }
        });
        const Selected lower = select_bin(ranks, counts, position - upper.below);
        return {upper.key << 16 | lower.key, upper.below + lower.below, lower.equal};
    }
}

}  // namespace alphaprune
