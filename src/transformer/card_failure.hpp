#pragma once

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::transformer {

// A fault of a card as an error of the program: in a forward pass, and in sums of products of
// inputs.
support::Error forward_failure(const device::CardError& error);
support::Error sums_failure(const device::CardError& error);

/// Faults of a card as errors of the program.
template <class Work>
auto on_card(Work work, decltype(&forward_failure) to_error = forward_failure) {
    try {
        return work();
    } catch (const device::CardError& error) {
        throw to_error(error);
    }
}

}  // namespace alphaprune::transformer
