#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "selection.hpp"

namespace alphaprune::pruning {

/// select_key() for several sets of keys at once, in no more messages than for one. Collective.
/// @param threads    of this rank
/// @param keys       this rank's, of each set
/// @param positions  one per set, of which all ranks together have at least one key more
template <class Key>
std::vector<Selected> select_keys(const parallel::Communicator& ranks,
                                  const parallel::ThreadPool& threads,
                                  std::span<const std::vector<Key>> keys,
                                  std::span<const std::int64_t> positions) {
    std::vector<Selected> found(keys.size());
    int undecided = 8 * static_cast<int>(sizeof(Key));
    for (const int bits : kRounds<Key>) {
        const std::size_t bins = std::size_t{1} << bits;
        Histogram here;
        for (std::size_t set = 0; set < keys.size(); ++set) {
            const Histogram own =
                counted_bits<Key>(threads, KeysOf<Key>{keys[set]}, found[set].key, undecided, bits);
            here.insert(here.end(), own.begin(), own.end());
        }
        Histogram all = here;
        ranks.all_reduce_sum(std::span(all));
        for (std::size_t set = 0; set < keys.size(); ++set) {
            const Selected next = find_bin(std::span(all).subspan(set * bins, bins),
                                           std::span(here).subspan(set * bins, bins),
                                           positions[set] - found[set].below);
            found[set] = narrowed(found[set], next, bits);
        }
        undecided -= bits;
    }
    return found;
}

}  // namespace alphaprune::pruning
