#pragma once

#include <string>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::transformer {

/// A fault of a card as an error of the program. @param where  what was computed
support::Error card_failure(const std::string& where, const device::CardError& error);

/// Faults of a card as errors of the program.
template <class Work>
auto on_card(Work work, const char* where = "forward pass") {
    try {
        return work();
    } catch (const device::CardError& error) {
        throw card_failure(where, error);
    }
}

}  // namespace alphaprune::transformer
