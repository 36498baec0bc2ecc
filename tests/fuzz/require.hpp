#pragma once

#include <cstdlib>

#include "alphaprune/support/error.hpp"

namespace alphaprune::fuzz {

/// Stops the fuzzer with a report when something that must hold does not, in any build type.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// Whether it was done; otherwise the input must have been refused, with reasons.
template <class Action>
bool is_accepted(Action action) {
    try {
        action();
        return true;
    } catch (const support::Error& error) {
        require(error.status() == support::ExitStatus::bad_request && !error.faults().empty());
        return false;
    }
}

}  // namespace alphaprune::fuzz
