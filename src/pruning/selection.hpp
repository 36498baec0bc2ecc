#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

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

/// The bin that holds the key at `position` of the ascending order.
/// @param all   counts over all ranks
/// @param here  this rank's
Selected find_bin(std::span<const std::int64_t> all, std::span<const std::int64_t> here,
                  std::int64_t position);
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

/// Keys of a rank for which its threads are woken.
inline constexpr std::int64_t kKeysWorthSharing = 16384;

/// The bits that each round decides, the highest first: all 16 of the short keys, which come in
/// large numbers, and of the long ones few enough that their histograms are cheap to sum.
template <class Key>
inline constexpr auto kRounds = std::to_array({11, 11, 10});
template <>
inline constexpr auto kRounds<std::uint16_t> = std::to_array({16});

/// Of this rank's keys that have the bits decided so far, how many have which next ones.
/// @param keys  as select_among() asks
template <class Key, class Keys>
Histogram counted_bits(const parallel::ThreadPool& threads, const Keys& keys, std::uint64_t decided,
                       int undecided, int bits) {
    const int lower = undecided - bits;
    const std::uint32_t bins = (std::uint32_t{1} << bits) - 1;
    Histogram sum(std::size_t{1} << bits);
    std::mutex adding;
    const int shares = keys.size() < kKeysWorthSharing ? 1 : threads.size();
    threads.run(shares, [&](std::int64_t share, int) {
        Counter counter(bits);
        keys.for_each(parallel::share_of(keys.size(), shares, static_cast<int>(share)),
                      [&](Key key, int turn) {
                          if (std::uint64_t{key} >> undecided == decided) {
                              counter.count(key >> lower & bins, turn);
                          }
                      });
        const Histogram own = std::move(counter).total();
        const std::scoped_lock lock(adding);
        std::ranges::transform(sum, own, sum.begin(), std::plus<>());
    });
    return sum;
}

/// What is known once the next bits are decided, too. @param next  their bin
inline Selected narrowed(const Selected& found, const Selected& next, int bits) {
    return {found.key << bits | next.key, found.below + next.below, next.equal,
            found.below_here + next.below_here, next.equal_here};
}

/// Keys that follow from values in memory, as select_among() asks for them.
template <class Value, class KeyOf = std::identity>
struct KeysOf {
    std::span<const Value> values;
    KeyOf key_of = {};

    std::int64_t size() const { return std::ssize(values); }
    template <class Use>
    void for_each(parallel::RowRange some, Use use) const {
        for (std::int64_t i = some.begin; i < some.end; ++i) {
            use(key_of(values[static_cast<std::size_t>(i)]), static_cast<int>(i % 2));
        }
    }
};

/// The key at `position` (0-based) of the ascending order over all ranks, for keys that are
/// produced one after another, wherever they are stored: this rank has `keys.size()` of them, and
/// `keys.for_each(range, use)` calls `use(key, turn)` for each of some, `turn` being 0 and 1 by
/// turns. Collective. 0 <= position < number of keys on all ranks. Key is uint16 or uint32.
template <class Key, class Keys>
Selected select_among(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                      const Keys& keys, std::int64_t position) {
    Selected found;
    int undecided = 8 * static_cast<int>(sizeof(Key));
    for (const int bits : kRounds<Key>) {
        const Histogram here = counted_bits<Key>(threads, keys, found.key, undecided, bits);
        found = narrowed(found, select_bin(ranks, here, position - found.below), bits);
        undecided -= bits;
    }
    return found;
}

/// The same for keys that are stored.
template <class Key>
Selected select_key(const parallel::Communicator& ranks, std::span<const Key> keys,
                    std::int64_t position) {
    return select_among<Key>(ranks, parallel::ThreadPool::single(), KeysOf<Key>{keys}, position);
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
/// @param threads  of this rank, which go through its values
/// @param guess    the same on all ranks
Selected select_magnitude(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                          std::span<const float> values, std::int64_t position, KeyGuess& guess);

}  // namespace alphaprune::pruning
