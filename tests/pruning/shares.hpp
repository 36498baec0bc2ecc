#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "support/world.hpp"

namespace alphaprune::test {

/// Ways to spread values over the ranks, the same on each rank: rank r holds [cuts[r], cuts[r+1]).
enum class Split { even, on_first, on_last, empty_every_other, random };
inline constexpr Split kSplits[] = {Split::even, Split::on_first, Split::on_last,
                                    Split::empty_every_other, Split::random};

inline std::vector<std::size_t> cuts_of(std::size_t count, Split split) {
    const auto ranks = static_cast<std::size_t>(world().size());
    std::vector<std::size_t> cuts{0};
    std::mt19937_64 generator(count + ranks);  // the same on every rank
    for (std::size_t rank = 1; rank < ranks; ++rank) {
        switch (split) {
            case Split::even:
                cuts.push_back(count * rank / ranks);
                break;
            case Split::on_first:
                cuts.push_back(count);
                break;
            case Split::on_last:
                cuts.push_back(0);
                break;
            case Split::empty_every_other:
                cuts.push_back(count * (rank / 2) / ranks);
                break;
            case Split::random:
                cuts.push_back(generator() % (count + 1));
                break;
        }
    }
    cuts.push_back(count);
    std::ranges::sort(cuts);
    return cuts;
}

/// This rank's share of what every rank holds in full.
template <class T>
std::vector<T> share_of(const std::vector<T>& all, Split split) {
    const auto cuts = cuts_of(all.size(), split);
    const auto rank = static_cast<std::size_t>(world().rank());
    return {all.begin() + static_cast<std::ptrdiff_t>(cuts[rank]),
            all.begin() + static_cast<std::ptrdiff_t>(cuts[rank + 1])};
}

}  // namespace alphaprune::test
