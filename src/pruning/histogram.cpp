#include "histogram.hpp"

#include <cassert>

namespace alphaprune {

Selected select_bin(const Communicator& ranks, Histogram& counts, std::int64_t position) {
    ranks.all_reduce_sum(std::span(counts));
    Selected found{0, 0, counts[0]};
    while (position >= found.below + found.equal) {
        assert(found.key + 1 < counts.size() && "position beyond the number of keys");
        found.below += found.equal;
        found.equal = counts[++found.key];
    }
    return found;
}

}  // namespace alphaprune
