#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "selection.hpp"

namespace alphaprune::pruning {

/// select_key() for several sets of keys at once, in no more messages than for one, wherever the
/// keys are. Collective.
/// @param positions  one per set, of which all ranks together have at least one key more
/// @param count      count(found, undecided, bits): of this rank's keys of each set that have the
///                   bits found so far, how many have which next ones; one histogram after another
template <class Key, class Count>
std::vector<Selected> select_counted(const parallel::Communicator& ranks,
                                     std::span<const std::int64_t> positions, const Count& count) {
    std::vector<Selected> found(positions.size());
    int undecided = 8 * static_cast<int>(sizeof(Key));
    for (const int bits : kRounds<Key>) {
        const std::size_t bins = std::size_t{1} << bits;
        const Histogram here = count(std::span<const Selected>(found), undecided, bits);
        Histogram all = here;
        ranks.all_reduce_sum(std::span(all));
        for (std::size_t set = 0; set < found.size(); ++set) {
            const Selected next = find_bin(std::span(all).subspan(set * bins, bins),
                                           std::span(here).subspan(set * bins, bins),
                                           positions[set] - found[set].below);
            found[set] = narrowed(found[set], next, bits);
        }
        undecided -= bits;
    }
    return found;
}

/// The same for keys that are stored. @param threads  of this rank
template <class Key>
std::vector<Selected> select_keys(const parallel::Communicator& ranks,
                                  const parallel::ThreadPool& threads,
                                  std::span<const std::vector<Key>> keys,
                                  std::span<const std::int64_t> positions) {
    return select_counted<Key>(
        ranks, positions, [&](std::span<const Selected> found, int undecided, int bits) {
            Histogram here;
            for (std::size_t set = 0; set < found.size(); ++set) {
                const Histogram own = counted_bits<Key>(threads, KeysOf<Key>{keys[set]},
                                                        found[set].key, undecided, bits);
                here.insert(here.end(), own.begin(), own.end());
            }
            return here;
        });
}

}  // namespace alphaprune::pruning
