#pragma once

#include <array>
#include <bit>
#include <cmath>
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

/// How many keys there are of each value that some of their bits have.
using Histogram = std::vector<std::int64_t>;

/// Finds the bin that holds the key at `position` of the ascending order over all ranks, each of
/// which brings the histogram of its own keys. Collective.
Selected select_bin(const parallel::Communicator& ranks, const Histogram& here,
                    std::int64_t position);

/// Counts keys. Two histograms take turns: neighbors are often equal, and the second of them would
/// have to wait until the first is counted.
class Counter {
  public:
    explicit Counter(int bits)
        : turns_{Histogram(std::size_t{1} << bits), Histogram(std::size_t{1} << bits)} {}

    void count(std::uint32_t bin, int turn) { ++turns_[static_cast<std::size_t>(turn)][bin]; }

    Histogram total() && {
        for (std::size_t bin = 0; bin < turns_[0].size(); ++bin) {
            turns_[0][bin] += turns_[1][bin];
        }
        return std::move(turns_[0]);
    }

  private:
    std::array<Histogram, 2> turns_;
};

/// The bits that each round decides, the highest first: all 16 of the short keys, which come in
/// large numbers, and of the long ones few enough that their histograms are cheap to sum.
template <class Key>
inline constexpr auto kRounds = std::to_array({11, 11, 10});
template <>
inline constexpr auto kRounds<std::uint16_t> = std::to_array({16});

/// The key at `position` (0-based) of the ascending order over all ranks, for keys that are
/// produced one after another, wherever they are stored: `for_each_key(use)` calls `use(key, turn)`
/// for each key of this rank, `turn` being 0 and 1 by turns. Collective. 0 <= position < number of
/// keys on all ranks. Key is uint16 or uint32.
template <class Key, class ForEachKey>
Selected select_among(const parallel::Communicator& ranks, std::int64_t position,
                      ForEachKey for_each_key) {
    Selected found;
    int undecided = 8 * static_cast<int>(sizeof(Key));
    for (const int bits : kRounds<Key>) {
        Counter counter(bits);
        const int lower = undecided - bits;
        const std::uint64_t decided = found.key;
        const std::uint32_t bins = (std::uint32_t{1} << bits) - 1;
        for_each_key([&](Key key, int turn) {
            if (std::uint64_t{key} >> undecided == decided) {
                counter.count(key >> lower & bins, turn);
            }
        });
        const Selected next = select_bin(ranks, std::move(counter).total(), position - found.below);
        found = {found.key << bits | next.key, found.below + next.below, next.equal,
                 found.below_here + next.below_here, next.equal_here};
        undecided = lower;
    }
    return found;
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

/// Orders as the magnitude does.
inline std::uint32_t magnitude_key(float value) {
    return std::bit_cast<std::uint32_t>(std::abs(value));
}

/// Where a key is likely to be: the one that was found before, and how far it may have moved.
struct KeyGuess {
    std::uint32_t key = 0;
    std::uint32_t reach = 0;  ///< 0: nothing has been found before
};

/// The magnitude at `position` of the ascending order over all ranks: exact whatever the guess,
/// which only makes it fast, and which is brought up to date. Collective.
/// @param guess  the same on all ranks
Selected select_magnitude(const parallel::Communicator& ranks, std::span<const float> values,
                          std::int64_t position, KeyGuess& guess);

}  // namespace alphaprune::pruning
