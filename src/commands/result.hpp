#pragma once

#include <string_view>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/standard_streams.hpp"

namespace alphaprune::commands {

/// Collective: rank 0 prints what the command was asked for; where it cannot, every rank throws.
inline void print_result(const parallel::Communicator& ranks, std::string_view text) {
    parallel::together(ranks, [&] {
        if (ranks.is_root()) {
            support::print_result(text);
        }
    });
}

}  // namespace alphaprune::commands
