#pragma once

#include <algorithm>
#include <cstdint>

namespace alphaprune::linalg {

/// One dimension of a block-cyclic distribution, seen from one part: blocks of `block` indices are
/// assigned to the parts in turn, from part 0 on.
struct CyclicDimension {
    std::int64_t size = 0;
    std::int64_t block = 1;
    int parts = 1;
    int part = 0;  ///< negative: takes no share

    /// How many indices fall to this part.
    std::int64_t local_size() const {
        if (part < 0) {
            return 0;
        }
        const std::int64_t whole_blocks = size / block;
        const std::int64_t turn = whole_blocks % parts;
        const std::int64_t last = part < turn ? block : part == turn ? size % block : 0;
        return whole_blocks / parts * block + last;
    }
    std::int64_t global_of(std::int64_t local) const {
        return (local / block * parts + part) * block + local % block;
    }
    int owner_of(std::int64_t global) const { return static_cast<int>(global / block % parts); }
    /// One past the last index of the run that starts at `local` and is contiguous globally too.
    std::int64_t run_end(std::int64_t local) const {
        return std::min((local / block + 1) * block, local_size());
    }
};

/// A matrix distributed over a grid of ranks, seen from one of them.
struct BlockCyclicLayout {
    CyclicDimension rows;
    CyclicDimension cols;
};

}  // namespace alphaprune::linalg
