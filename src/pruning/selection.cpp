#include "selection.hpp"

#include <cassert>

namespace alphaprune::pruning {

Selected select_bin(const parallel::Communicator& ranks, const Histogram& here,
                    std::int64_t position) {
    Histogram all = here;
    ranks.all_reduce_sum(std::span(all));
    return find_bin(all, here, position);
}

Selected find_bin(std::span<const std::int64_t> all, std::span<const std::int64_t> here,
                  std::int64_t position) {
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

}  // namespace alphaprune::pruning
