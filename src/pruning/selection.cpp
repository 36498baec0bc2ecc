#include "selection.hpp"

#include <cassert>

namespace alphaprune::pruning {
namespace {

template <class Key>
Selected select_in(const parallel::Communicator& ranks, std::span<const Key> keys,
                   std::int64_t position) {
    return select_among<Key>(ranks, position, [&](auto use) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            use(keys[i], static_cast<int>(i % 2));
        }
    });
}

}  // namespace

Selected select_bin(const parallel::Communicator& ranks, const Histogram& here,
                    std::int64_t position) {
    Histogram all = here;
    ranks.all_reduce_sum(std::span(all));
    Selected found{0, 0, all[0], 0, here[0]};
    while (position >= found.below + found.equal) {
        assert(found.key + 1 < all.size() && "position beyond the number of keys");
        found.below += found.equal;
        found.below_here += found.equal_here;
        ++found.key;
        found.equal = all[found.key];
        found.equal_here = here[found.key];
    }
    return found;
}

Selected select_key(const parallel::Communicator& ranks, std::span<const std::uint16_t> keys,
                    std::int64_t position) {
    return select_in(ranks, keys, position);
}

Selected select_key(const parallel::Communicator& ranks, std::span<const std::uint32_t> keys,
                    std::int64_t position) {
    return select_in(ranks, keys, position);
}

}  // namespace alphaprune::pruning
