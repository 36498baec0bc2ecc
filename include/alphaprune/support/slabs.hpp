#pragma once

#include <algorithm>
#include <concepts>

namespace alphaprune::support {

/// Calls use(begin, end) for the consecutive slabs of [begin, end), each of `most` items but for
/// the last, which may be shorter: how more than memory, or than a call takes, is worked through.
/// @param most  at least 1
template <std::integral Index, class Use>
void for_each_slab(Index begin, Index end, Index most, Use&& use) {
    for (Index at = begin; at < end; at += std::min<Index>(most, end - at)) {
        use(at, at + std::min<Index>(most, end - at));
    }
}

/// Of [0, count).
template <std::integral Index, class Use>
void for_each_slab(Index count, Index most, Use&& use) {
    for_each_slab(Index{0}, count, most, use);
}

}  // namespace alphaprune::support
