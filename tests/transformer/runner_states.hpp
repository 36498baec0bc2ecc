#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::test {

/// All hidden states, one after another.
inline std::vector<float> states_of(transformer::BlockRunner& runner) {
    std::vector<float> states;
    for (std::int64_t sequence = 0; sequence < runner.sequences(); ++sequence) {
        const auto state = runner.state(sequence);
        states.insert(states.end(), state.begin(), state.end());
    }
    return states;
}

}  // namespace alphaprune::test
