#pragma once

#include <cstdint>
#include <vector>

namespace alphaprune::parallel {

/// Whom a rank's watch talks to: its parent and children in a tree of all ranks, rank 0 the root.
/// Eight children keep each rank's talk small and the way through thousands of ranks short.
struct WatchTree {
    static constexpr int kChildren = 8;

    static std::vector<int> neighbours(int rank, int size) {
        std::vector<int> found;
        if (rank > 0) {
            found.push_back((rank - 1) / kChildren);
        }
        const std::int64_t first = std::int64_t{rank} * kChildren + 1;
        for (std::int64_t child = first; child < first + kChildren && child < size; ++child) {
            found.push_back(static_cast<int>(child));
        }
        return found;
    }
};

}  // namespace alphaprune::parallel
