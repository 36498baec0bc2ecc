#pragma once

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::pruning {

/// A fault of a card that solves for weights as an error of the program.
support::Error solving_failure(const device::CardError& error);

/// Work far from the processor, by linalg::FarLane. @throws Error (failure)
template <class Work>
auto far_work(const Work& work) {
    try {
        return work();
    } catch (const device::CardError& error) {
        throw solving_failure(error);
    }
}

}  // namespace alphaprune::pruning
