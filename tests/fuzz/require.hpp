#pragma once

#include <cstdlib>

namespace alphaprune::fuzz {

/// Stops the fuzzer with a report when something that must hold does not, in any build type.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace alphaprune::fuzz
