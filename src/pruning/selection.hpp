#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::pruning {

/// Order statistics of unsigned keys that are distributed over ranks, found exactly from
/// all-reduced histograms, without moving or sorting the keys. Floating-point magnitudes order like
/// their bit patterns, which is what makes this exact.
struct Selected {
    std::uint32_t key = 0;        ///< the key at the wanted position of the sorted order
    std::int64_t below = 0;       ///< how many keys, on all ranks, are smaller
    std::int64_t equal = 0;       ///< how many are equal to it
    std::int64_t below_here = 0;  ///< how many of this rank's keys are smaller
    std::int64_t equal_here = 0;  ///< how many of this rank's keys are equal to it
};

/// How many keys there are of each 16-bit value.
using Histogram = std::vector<std::int64_t>;
inline constexpr std::size_t kHistogramBins = std::size_t{1} << 16;

/// Finds the bin that holds the key at `position` of the ascending order over all ranks, each of
/// which brings the histogram of its own keys. Collective.
Selected select_bin(const parallel::Communicator& ranks, const Histogram& here,
                    std::int64_t position);

/// Counts keys. Two histograms take turns: neighbors are often equal, and the second of them would
/// have to wait until the first is counted.
class Counter {
  public:
    void count(std::uint32_t bin, int turn) { ++turns_[static_cast<std::size_t>(turn)][bin]; }

    Histogram total() && {
        for (std::size_t bin = 0; bin < kHistogramBins; ++bin) {
            turns_[0][bin] += turns_[1][bin];
        }
        return std::move(turns_[0]);
    }

  private:
    std::array<Histogram, 2> turns_{Histogram(kHistogramBins), Histogram(kHistogramBins)};
};

/// The key at `position` (0-based) of the ascending order over all ranks, for keys that are
/// produced one after another, wherever they are stored: `for_each_key(use)` calls `use(key, turn)`
/// for each key of this rank, `turn` being 0 and 1 by turns. Collective. 0 <= position < number of
/// keys on all ranks. Key is uint16 or uint32; the latter takes two rounds, the upper 16 bits
/// first.
template <class Key, class ForEachKey>
Selected select_among(const parallel::Communicator& ranks, std::int64_t position,
                      ForEachKey for_each_key) {
    Counter counter;
    if constexpr (sizeof(Key) == 2) {
        for_each_key([&](Key key, int turn) { counter.count(key, turn); });
        return select_bin(ranks, std::move(counter).total(), position);
    } else {
        for_each_key([&](Key key, int turn) { counter.count(key >> 16, turn); });
        const Selected upper = select_bin(ranks, std::move(counter).total(), position);
        Counter finer;
        for_each_key([&](Key key, int turn) {
            if (key >> 16 == upper.key) {
                finer.count(key & 0xFFFFU, turn);
            }
        });
        const Selected lower = select_bin(ranks, std::move(finer).total(), position - upper.below);
        return {upper.key << 16 | lower.key, upper.below + lower.below, lower.equal,
                upper.below_here + lower.below_here, lower.equal_here};
    }
}

/// The same for keys that are stored.
template <class Key>
Selected select_key(const parallel::Communicator& ranks, std::span<const Key> keys,
                    std::int64_t position) {
    return select_among<Key>(ranks, position, [&](auto use) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            use(keys[i], static_cast<int>(i % 2));
        }
    });
}

}  // namespace alphaprune::pruning
