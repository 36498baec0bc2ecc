#pragma once

#include <algorithm>
#include <cstdint>

#include "alphaprune/parallel/share.hpp"

namespace alphaprune::model {

/// Which outputs of a stored matrix are a linear layer's own: its output r is the stored output
/// first + (r / run) · stride + r mod run. In a fused projection whose queries, keys and values
/// follow each other, keys have {queries}; where they are interleaved by heads of d values, keys
/// have {d, d, 3·d}; where gate and up take turns, up has {1, 1, 2}.
struct OutputPattern {
    std::int64_t first = 0;
    std::int64_t run = 0;     ///< outputs that lie one after another; 0: all of them
    std::int64_t stride = 0;  ///< from the beginning of a run to that of the next

    std::int64_t stored(std::int64_t output) const {
        return run == 0 ? first + output : first + output / run * stride + output % run;
    }
    friend bool operator==(const OutputPattern&, const OutputPattern&) = default;
};

/// Calls use(first output, where it is stored, how many) for the runs of some of a layer's outputs,
/// in order.
template <class Use>
void for_each_run(const OutputPattern& pattern, parallel::RowRange outputs, Use&& use) {
    for (std::int64_t at = outputs.begin; at < outputs.end;) {
        const std::int64_t left = outputs.end - at;
        const std::int64_t count =
            pattern.run == 0 ? left : std::min(left, pattern.run - at % pattern.run);
        use(at, pattern.stored(at), count);
        at += count;
    }
}

}  // namespace alphaprune::model
