#pragma once

#include <functional>

#include "support/world.hpp"

namespace alphaprune::test {

/// Collective: `action` on rank 0, when all have come here; all wait for its end.
inline void on_root(const std::function<void()>& action) {
    world().barrier();
    if (world().is_root()) {
        action();
    }
    world().barrier();
}

/// Collective: `action` on the first ranks, with a communicator of theirs; all wait for its end.
inline void on_ranks(int count, const std::function<void(const parallel::Communicator&)>& action) {
    const bool takes_part = world().rank() < count;
    const parallel::Communicator some = world().split(takes_part ? 0 : 1, world().rank());
    if (takes_part) {
        action(some);
    }
    world().barrier();
}

}  // namespace alphaprune::test
